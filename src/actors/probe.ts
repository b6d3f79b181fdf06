import { fromPromise } from 'xstate'
import type { CompiledOptions } from '../options.ts'
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
  async ({ input: { options, withConfig }, signal }) => {
    const client = runtimeOf(options).link?.client
    if (!client) throw new Error('There is no server to ask')
    const version = await client.health(signal)
    if (withConfig) await client.config(options.values.directory, signal)
    return { version }
  },
)
