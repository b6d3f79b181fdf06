import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { errnoOf } from '../host/host-fault.ts'
import { openStateFolder } from '../home/state-folder.ts'
import { configSegments } from '../opencode/config-file.ts'
import { logFile } from './log-file.ts'

/** Size of the end of a log that is read, in bytes; more than a log has before it is rotated. */
const maxBytes = 2 * 1024 * 1024
/** Length at which a line is cut, in characters. */
const maxLine = 4096

/**
 * Returns the last lines of the log of a home's server. The log was masked when it was written. Returns no lines if
 * there is no log, or if a link is at its place, because an agent could have made a link to a file of another agent.
 *
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 */
export async function readLogTail(home: string, lines: number, owner?: AgentUser): Promise<string[]> {
  if ((await realPath(home)) === undefined) return []
  const folder = owner ? openStateFolder(home, owner) : await trustedFolder(home)
  if (!folder) return []
  try {
    const newest = await linesOf(join(folder.path, logFile))
    if (newest.length >= lines) return newest.slice(-lines)
    const older = await linesOf(join(folder.path, `${logFile}.1`))
    return [...older, ...newest].slice(-lines)
  } finally {
    folder.close()
  }
}

/** Returns the folder of the log if no link leads elsewhere on the way. */
async function trustedFolder(home: string): Promise<{ path: string; close: () => void } | undefined> {
  const real = await realPath(home)
  const path = join(real ?? home, ...configSegments)
  return (await realPath(path)) === path ? { path, close: () => undefined } : undefined
}

const realPath = (path: string): Promise<string | undefined> => realpath(path).catch(() => undefined)

/** Returns the lines of the end of a plain file without a second name; none if there is something else. */
async function linesOf(file: string): Promise<string[]> {
  const handle = await open(file, constants.O_RDONLY | withoutLinks).catch((error: unknown) => {
    if (absent.has(errnoOf(error) ?? '')) return undefined
    throw error
  })
  if (!handle) return []
  try {
    const stats = await handle.stat()
    if (!stats.isFile() || stats.nlink !== 1) return []
    const from = Math.max(0, stats.size - maxBytes)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(stats.size - from), 0, undefined, from)
    const all = buffer.toString('utf8', 0, bytesRead).split('\n')
    // The first line may have lost its beginning; the text after the last line break is empty.
    const whole = all.slice(from > 0 ? 1 : 0, all.at(-1) === '' ? -1 : undefined)
    return whole.map((line) => line.slice(0, maxLine))
  } finally {
    await handle.close()
  }
}

/** Flags by which a link is not followed, and a pipe is not waited for; Windows has neither. */
const withoutLinks = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Errors of the system for a file that is missing, or is a link. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])
