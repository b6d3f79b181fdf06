import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { asHostFault, errnoOf, isHostFault } from './host-fault.ts'

/**
 * Descriptors that must be free before a process is spawned. Two pipes take seven for a moment; the rest is
 * for files that other threads open meanwhile. If Node's `spawn` runs out of descriptors, it returns a
 * process without pipes. Execa 9 then throws, and the process's 'error' event reaches no listener.
 */
const forSpawn = 16

/**
 * Checks that `count` more files can be opened at this moment.
 * @throws HostFaultError if they cannot (EMFILE, ENFILE)
 */
export function requireDescriptors(what: string, count = forSpawn): void {
  const open: number[] = []
  try {
    while (open.length < count) open.push(openSync(devNull, 'r'))
  } catch (error) {
    // The path is left out, because /dev/null is of no use to the caller.
    if (isHostFault(error)) throw asHostFault({ code: errnoOf(error) }, what)
  } finally {
    for (const descriptor of open) closeSync(descriptor)
  }
}
