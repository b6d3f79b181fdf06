import { fromPromise } from 'xstate'
import { groupResidentMb } from '../../io/process/memory.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Resident memory of a server, in MiB; `undefined` if the platform does not report the value. */
export interface MemoryReading {
  residentMb: number | undefined
}

/** Reads the resident set of the server's process group, once. */
export const memory = fromPromise<MemoryReading, ServerInput>(async ({ input }) => {
  const pid = runtimeOf(input.runtime).process?.pid
  return { residentMb: pid === undefined ? undefined : await groupResidentMb(pid) }
})
