import { fromPromise } from 'xstate'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { asHostFault, errnoOf } from '../../io/host/host-fault.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import { messageOf } from '../../util/messages.ts'
import { clockOf } from '../clock.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Answer of a healthy server. */
export interface ProbeAnswer {
  version: string | undefined
}

/**
 * Checks the server's health once, on a fresh connection. During a start the probe also checks that the
 * config loads, which health does not show. The machine limits the time and stops the probe, which aborts its
 * requests.
 */
export const probe = fromPromise<ProbeAnswer | undefined, ServerInput & { withConfig: boolean }>(
  async ({ input, signal, system }) => {
    const { options, withConfig } = input
    const runtime = runtimeOf(input.runtime)
    const { connection } = runtime
    if (!connection) throw new OpenCodeRuntimeError('There is no server to probe')
    const { now } = clockOf(system)
    const startedAt = now()
    try {
      const version = await connection.client.health(signal)
      if (withConfig) await connection.client.config(connection.directory, signal)
      runtime.probed(now() - startedAt, 'ok')
      return { version }
    } catch (error) {
      const ms = now() - startedAt
      // Timers fire up to 1 ms early. A probe that was stopped before its timeout gives no information about the
      // server.
      const isTimeout = ms >= options.values.probeTimeoutMs - 1
      if (!signal.aborted || isTimeout) runtime.probed(ms, signal.aborted ? 'timeout' : 'failed')
      throw maskedThrown(classified(error), options.secrets)
    }
  },
)

/** Codes of errors that report a shortage of a resource that this process needs for a connection. */
const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/**
 * Returns the error that a failed probe rejects with. A shortage of the host becomes a HostFaultError, and a
 * defect of this package or its dependencies becomes an OpenCodeRuntimeError, because neither says anything
 * about the server. Any other error is the server's own and stays as it is.
 */
function classified(error: unknown): unknown {
  if (shortages.has(errnoOf(error) ?? '')) return asHostFault(error, 'The server could not be probed')
  if (error instanceof OpenCodeRuntimeError || !isDefect(error)) return error
  return new OpenCodeRuntimeError(
    `The health probe failed because of an internal error: ${messageOf(error)}`,
    {
      cause: error,
    },
  )
}

/** Returns whether an error means wrong or missing code. A server's answer cannot cause such an error. */
function isDefect(error: unknown): boolean {
  const isWrong = [TypeError, ReferenceError, SyntaxError, RangeError].some((type) => error instanceof type)
  const { code } = (error ?? {}) as { code?: unknown }
  return isWrong || (typeof code === 'string' && /MODULE_NOT_FOUND$|^ERR_(PACKAGE|REQUIRE|MODULE)/.test(code))
}
