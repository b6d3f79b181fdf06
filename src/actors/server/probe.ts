import { fromPromise } from 'xstate'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { asHostFault, errnoOf } from '../../io/host/host-fault.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import { messageOf } from '../../util/messages.ts'
import { clockOf } from '../clock.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** What a healthy server says of itself. */
export interface ProbeAnswer {
  version: string | undefined
}

/**
 * Asks the server once, on a fresh connection, whether it is healthy; while it starts also whether its config loads,
 * which health does not show. The machine limits the time: a probe that is stopped is aborted.
 */
export const probe = fromPromise<ProbeAnswer | undefined, ServerInput & { withConfig: boolean }>(
  async ({ input, signal, system }) => {
    const { options, withConfig } = input
    const runtime = runtimeOf(input.runtime)
    const { link } = runtime
    if (!link) throw new OpenCodeRuntimeError('There is no server to ask')
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
      throw maskedThrown(verdictOn(error), options.secrets)
    }
  },
)

/** What this process needs for a connection, and may run out of. */
const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/**
 * Returns the error that a failed probe rejects with: a shortage of the host as a HostFaultError, and a defect of this
 * package or of what it loads as an OpenCodeRuntimeError, since neither says anything of the server; any other error is
 * the server's own and stays as it is.
 */
function verdictOn(error: unknown): unknown {
  if (shortages.has(errnoOf(error) ?? '')) return asHostFault(error, 'The server could not be asked')
  if (error instanceof OpenCodeRuntimeError || !isDefect(error)) return error
  return new OpenCodeRuntimeError(
    `The health probe failed by a defect, not of the server: ${messageOf(error)}`,
    {
      cause: error,
    },
  )
}

/** Whether an error tells of code that is wrong or missing. A server causes neither, whatever it answers. */
function isDefect(error: unknown): boolean {
  const isWrong = [TypeError, ReferenceError, SyntaxError, RangeError].some((type) => error instanceof type)
  const { code } = (error ?? {}) as { code?: unknown }
  return isWrong || (typeof code === 'string' && /MODULE_NOT_FOUND$|^ERR_(PACKAGE|REQUIRE|MODULE)/.test(code))
}
