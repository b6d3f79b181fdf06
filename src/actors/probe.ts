import { fromPromise } from 'xstate'
import { maskedThrown } from '../masked-error.ts'
import type { CompiledOptions } from '../options.ts'
import { clockOf } from './clock.ts'
import { runtimeOf } from './runtime.ts'

/** What a healthy server says of itself. */
export interface ProbeAnswer {
  version: string | undefined
}

/**
 * Asks the server once, on a fresh connection, whether it is healthy; while it starts also whether its config loads,
 * which health does not show. The machine limits the time: a probe that is stopped is aborted.
 */
export const probe = fromPromise<ProbeAnswer | undefined, { options: CompiledOptions; withConfig: boolean }>(
  async ({ input: { options, withConfig }, signal, system }) => {
    const runtime = runtimeOf(options)
    const { link } = runtime
    if (!link) throw new Error('There is no server to ask')
    const { now } = clockOf(system)
    const startedAt = now()
    try {
      const version = await link.client.health(signal)
      if (withConfig) await link.client.config(link.directory, signal)
      runtime.probed(now() - startedAt, 'ok')
      return { version }
    } catch (error) {
      const ms = now() - startedAt
      // Timers fire up to 1 ms early. What stops a probe sooner says nothing of the server's answer.
      const isTimeout = ms >= options.values.probeTimeoutMs - 1
      if (!signal.aborted || isTimeout) runtime.probed(ms, signal.aborted ? 'timeout' : 'failed')
      throw maskedThrown(error, options.secrets)
    }
  },
)
