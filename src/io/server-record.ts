import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFileSync } from './private-file.ts'
import { identify } from './process-identity.ts'
import { makeStateFolder, stateFolder } from './state-folder.ts'

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
})

/** A spawned server, as its home remembers it for the next host: how to know it again, and how to be let in. */
export type ServerRecord = z.infer<typeof recordSchema>

const fileOf = (home: string): string => join(stateFolder(home), 'server.json')

/** Records a server that was just spawned, 0600 and at once; a disk that refuses loses the record, never the server. */
export function writeRecord(home: string, server: Omit<ServerRecord, 'startTime' | 'at'>): void {
  try {
    makeStateFolder(home)
    const startTime = identify(server.pid)?.startTime ?? ''
    const content = `${JSON.stringify({ ...server, startTime, at: Date.now() }, null, 2)}\n`
    replaceFileSync(fileOf(home), content)
  } catch {
    // The watcher of this host still ends it.
  }
}

/** The record of the last server of a home; `undefined` where there is none, or one that makes no sense. */
export function readRecord(home: string): ServerRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(fileOf(home), 'utf8')))
  } catch {
    return undefined
  }
}

/** Forgets a server of which nothing is left; the record of another one stays. */
export function removeRecord(home: string, marker: string): void {
  if (readRecord(home)?.marker !== marker) return
  try {
    rmSync(fileOf(home), { force: true })
  } catch {
    // The next host finds nobody by it.
  }
}

/**
 * Whether the recorded pid is still that server, by its start and its command line. The program's own name does not
 * count: a script shows its interpreter, and one that hands over to another program shows that one.
 */
export function isAsRecorded({ pid, startTime, command }: ServerRecord): boolean {
  const now = identify(pid)
  return now?.startTime === startTime && ` ${now.command}`.endsWith(` ${command.slice(1).join(' ')}`)
}
