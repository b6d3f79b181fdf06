import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { AgentUser } from '../../config/agent-user.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { readPlainFileSync } from './plain-file.ts'
import { replaceFileSync } from './private-file.ts'
import { identify } from '../process/process-identity.ts'
import { isFrom, openStateFolder, originOf, stateFolder } from './state-folder.ts'

const recordSchema = z.object({
  pid: z.int().positive(),
  startTime: z.string().min(1),
  command: z.array(z.string()).min(2),
  /** Command that the option `spawn` returned; absent without that option. */
  wrapped: z.array(z.string()).min(1).optional(),
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

/** Calls `act` with the path of a home's record. In a home that the host does not trust, the folder is held open meanwhile. */
function withFile<T>(home: string, owner: AgentUser | undefined, act: (file: string) => T): T {
  const folder = owner && openStateFolder(home, owner)
  try {
    return act(join(folder?.path ?? stateFolder(home), 'server.json'))
  } finally {
    folder?.close()
  }
}

/**
 * Records a spawned server, synchronously and with mode 0600. If the disk refuses the write, the record is
 * lost and the server keeps running.
 * @returns false if the host refused only for the moment
 */
export function writeRecord(
  home: string,
  server: Omit<ServerRecord, 'startTime' | 'at' | 'origin'>,
  owner?: AgentUser,
): boolean {
  try {
    const folder = openStateFolder(home, owner)
    try {
      const origin = originOf(folder.path)
      const startTime = identify(server.pid)?.startTime ?? ''
      const content = `${JSON.stringify({ ...server, startTime, at: Date.now(), origin }, null, 2)}\n`
      replaceFileSync(join(folder.path, 'server.json'), content, owner === undefined)
      return true
    } finally {
      folder.close()
    }
  } catch (error) {
    // Without a record, this host's watcher still ends the server.
    return !isHostFault(error)
  }
}

/**
 * Returns the record of a home's last server; `undefined` if there is no record, or an invalid record.
 * @throws HostFaultError if the record cannot be read at the moment
 */
export function readRecord(home: string, owner?: AgentUser): ServerRecord | undefined {
  try {
    return withFile(home, owner, (file) => recordSchema.parse(JSON.parse(readPlainFileSync(file) ?? '')))
  } catch (error) {
    if (isHostFault(error))
      throw asHostFault(error, 'The record of the server could not be read', stateFolder(home))
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
export function removeRecord(home: string, marker: string, owner?: AgentUser): void {
  ignoreErrors(() => {
    if (readRecord(home, owner)?.marker === marker)
      withFile(home, owner, (file) => rmSync(file, { force: true }))
  })
}

/**
 * Returns whether the recorded pid is still that server, by its start time and command line. The program's
 * name is not compared: a script shows its interpreter, and a script that hands over to another program shows
 * that program. A command of the option `spawn` may have handed over to the server's own command.
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export function isAsRecorded({ pid, startTime, command, wrapped = command }: ServerRecord): boolean {
  const now = identify(pid)
  if (now?.startTime !== startTime) return false
  return [command, wrapped].some(([, ...args]) => ` ${now.command}`.endsWith(` ${args.join(' ')}`))
}
