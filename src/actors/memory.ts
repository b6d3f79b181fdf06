import { fromPromise } from 'xstate'
import { groupResidentMb } from '../io/memory.ts'
import type { CompiledOptions } from '../options.ts'
import { runtimeOf } from './runtime.ts'

/** What a server holds, in MiB; `undefined` where the platform does not tell. */
export interface MemoryReading {
  residentMb: number | undefined
}

/** Reads the resident set of the server's process group, once. */
export const memory = fromPromise<MemoryReading, { options: CompiledOptions }>(
  async ({ input: { options } }) => {
    const pid = runtimeOf(options).process?.pid
    return { residentMb: pid === undefined ? undefined : await groupResidentMb(pid) }
  },
)
