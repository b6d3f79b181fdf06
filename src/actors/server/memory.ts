import { fromPromise } from 'xstate'
import { groupResidentMb } from '../../io/process/memory.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** What a server holds, in MiB; `undefined` where the platform does not tell. */
export interface MemoryReading {
  residentMb: number | undefined
}

/** Reads the resident set of the server's process group, once. */
export const memory = fromPromise<MemoryReading, ServerInput>(async ({ input }) => {
  const pid = runtimeOf(input.runtime).process?.pid
  return { residentMb: pid === undefined ? undefined : await groupResidentMb(pid) }
})
