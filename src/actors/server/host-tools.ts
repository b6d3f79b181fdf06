import type { CompiledOptions } from '../../config/compiled-options.ts'
import { openHostEndpoint, type HostEndpoint } from '../../io/opencode/host-endpoint.ts'
import type { SystemClock } from '../clock.ts'
import type { Runtime } from '../runtime.ts'
import { HostCalls } from './host-calls.ts'

/** Calls of the host tools on one spawn, and the endpoint at which they arrive. */
export interface OpenHostTools {
  calls: HostCalls
  endpoint: HostEndpoint
}

/** Opens the endpoint of the host tools for the next spawn; resolves with `undefined` if there are none. */
export async function openHostTools(
  options: CompiledOptions,
  runtime: Runtime,
  clock: SystemClock,
): Promise<OpenHostTools | undefined> {
  if (Object.keys(options.values.hostTools).length === 0) return undefined
  const calls = new HostCalls(options, clock, (message) => runtime.warn(message))
  return { calls, endpoint: await openHostEndpoint(calls.answer) }
}
