import { fromPromise } from 'xstate'
import { treeResidentMb } from '../../io/process/memory.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Resident memory of a server, in MiB; `undefined` if the platform does not report the value. */
export interface MemoryReading {
  residentMb: number | undefined
}

/** Reads the resident set of the server and of all processes that it started, once. */
export const memory = fromPromise<MemoryReading, ServerInput>(async ({ input }) => {
  const { process: spawned } = runtimeOf(input.runtime)
  if (spawned?.pid === undefined) return { residentMb: undefined }
  return { residentMb: await treeResidentMb(spawned.pid, spawned.marker) }
})
