import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { replaceFileSync } from './private-file.ts'
import { identify } from '../process/process-identity.ts'
import { isFrom, makeStateFolder, originOf, stateFolder } from './state-folder.ts'

const recordSchema = z.object({
  pid: z.int().positive(),
  startTime: z.string().min(1),
  command: z.array(z.string()).min(2),
  hostname: z.string(),
  port: z.int().positive(),
  username: z.string(),
  password: z.string().optional(),
  marker: z.uuid(),
  at: z.number(),
  /** Folder that the record was written in; absent in records of earlier versions. */
  origin: z.object({ folder: z.string(), path: z.string() }).optional(),
})

/**
 * Record of a spawned server in its home. It lets the next host identify the server and authenticate to it.
 */
export type ServerRecord = z.infer<typeof recordSchema>

const fileOf = (home: string): string => join(stateFolder(home), 'server.json')

/**
 * Records a spawned server, synchronously and with mode 0600. If the disk refuses the write, the record is
 * lost and the server keeps running.
 * @returns false if the host refused only for the moment
 */
export function writeRecord(
  home: string,
  server: Omit<ServerRecord, 'startTime' | 'at' | 'origin'>,
): boolean {
  try {
    const origin = originOf(makeStateFolder(home))
    const startTime = identify(server.pid)?.startTime ?? ''
    const content = `${JSON.stringify({ ...server, startTime, at: Date.now(), origin }, null, 2)}\n`
    replaceFileSync(fileOf(home), content)
    return true
  } catch (error) {
    // Without a record, this host's watcher still ends the server.
    return !isHostFault(error)
  }
}

/**
 * Returns the record of a home's last server; `undefined` if there is no record, or an invalid record.
 * @throws HostFaultError if the record cannot be read at the moment
 */
export function readRecord(home: string): ServerRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(fileOf(home), 'utf8')))
  } catch (error) {
    if (isHostFault(error))
      throw asHostFault(error, 'The record of the server could not be read', fileOf(home))
    return undefined
  }
}

/**
 * Returns whether a record describes this home's server. A record that was copied with a home describes the
 * server of the original home.
 */
export const isOfHome = ({ origin }: ServerRecord, home: string): boolean => isFrom(origin, stateFolder(home))

/**
 * Removes the record of a server of which no process is left. Another server's record stays. Never throws,
 * because a record that stays does no harm: the next host finds no process for it.
 */
export function removeRecord(home: string, marker: string): void {
  ignoreErrors(() => {
    if (readRecord(home)?.marker === marker) rmSync(fileOf(home), { force: true })
  })
}

/**
 * Returns whether the recorded pid is still that server, by its start time and command line. The program's
 * name is not compared: a script shows its interpreter, and a script that hands over to another program shows
 * that program.
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export function isAsRecorded({ pid, startTime, command }: ServerRecord): boolean {
  const now = identify(pid)
  return now?.startTime === startTime && ` ${now.command}`.endsWith(` ${command.slice(1).join(' ')}`)
}
