import type { HostTool, HostToolCall } from '../../config/host-tool.ts'
import type { HostAnswer } from '../../io/opencode/host-endpoint.ts'
import { orAborted } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import type { SystemClock } from '../clock.ts'
import { hostResult } from './host-result.ts'

/** Accepted call of a host tool. */
export interface HostRun {
  key: string
  tool: HostTool
  args: unknown
  call: HostToolCall
  /** Ends the call; its signal is the signal of `call`. */
  controller: AbortController
  clock: SystemClock
  mask: (text: string) => string
}

/** Maximum length of an error's message, in characters. */
const longestMessage = 10_000

/**
 * Runs a host tool within its time limit. Resolves with the result, or with an error for the model. Never
 * rejects. Does not wait for a function that ignores its signal.
 */
export async function runHostTool(run: HostRun): Promise<HostAnswer> {
  const { key, tool, controller, clock, mask } = run
  const limit = clock.setTimeout(() => {
    controller.abort(
      new DOMException(`The tool ${key} did not finish within ${tool.timeoutMs} ms`, 'TimeoutError'),
    )
  }, tool.timeoutMs)
  try {
    return await orAborted(validated(run), controller.signal)
  } catch (thrown) {
    return { error: mask(messageOf(thrown)).slice(0, longestMessage) || `The tool ${key} failed` }
  } finally {
    clock.clearTimeout(limit)
  }
}

async function validated({ key, tool, args, call }: HostRun): Promise<HostAnswer> {
  const checked = await tool.input.validate(args)
  if ('issues' in checked) throw new Error(`Invalid input for ${key}: ${checked.issues}`)
  call.signal.throwIfAborted()
  return hostResult(await tool.execute(checked.value, call))
}
