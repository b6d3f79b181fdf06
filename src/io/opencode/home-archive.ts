import { spawn, type ChildProcess } from 'node:child_process'
import { chownSync, closeSync, mkdtempSync, openSync } from 'node:fs'
import { lstat, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import type { AgentUser } from '../../config/agent-user.ts'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { signalGroup } from '../process/processes.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import {
  copyProgram,
  dataFolder,
  nothingToPack,
  packScript,
  swapScript,
  unpackScript,
} from './home-scripts.ts'

/** Home whose content is packed or replaced. */
export interface ArchivedHome {
  /** Absolute path of the home. */
  readonly path: string
  /** User of the agent's processes; `undefined` for the host's own. */
  readonly user: AgentUser | undefined
  /** Owner of the home, if the host must not trust its content. */
  readonly owner: AgentUser | undefined
}

/** Beginning of the names of folders in which homes are packed and unpacked, beside the homes. */
export const stagePrefix = '.moving-'

/** Time limit of each program, in ms: a turn waits for the end of a save. */
const timeLimitMs = 120_000

/** Largest archive, in bytes: it is in memory while it is stored. */
const mostBytes = 256 * 1024 * 1024

/**
 * Packs what a home needs on another host, also while a server uses the home. All programs run with the rights of the
 * agent, and follow no link that the agent has made.
 *
 * @param binary - opencode binary, which copies the database
 * @returns the archive; `undefined` for a home in which there is nothing
 * @throws OpenCodeRuntimeError that says why the home cannot be packed
 */
export async function packHome(home: ArchivedHome, binary: string): Promise<Buffer | undefined> {
  return inStage(home, async (stage) => {
    const { child, ended } = runScript(home, packScript, [stage, binary, copyProgram], 'pack')
    const parts: Buffer[] = []
    let size = 0
    const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
      for await (const part of source) {
        size += part.length
        if (size > mostBytes)
          throw new OpenCodeRuntimeError(`The packed home is larger than ${mostBytes} bytes`)
        parts.push(part)
      }
    }
    const gzip = createGzip({ level: constants.Z_BEST_SPEED })
    const packed = pipeline(child.stdout ?? [], gzip, collect)
    packed.catch(() => endGroup(child))
    const [, { code, message }] = await Promise.all([packed, ended])
    if (code === nothingToPack) return undefined
    if (code !== 0 && !isOfMovingFiles(code, message)) throw failed('packed', home, message)
    return Buffer.concat(parts)
  })
}

/**
 * Replaces what another host has packed. The archive is unpacked beside the home, and then takes the places of what was
 * there, which is deleted.
 *
 * @param onSwap - called when all is unpacked, before the first change of the home
 * @throws OpenCodeRuntimeError that says why the home cannot be replaced
 */
export async function unpackHome(
  home: ArchivedHome,
  archive: Uint8Array,
  onSwap: () => Promise<void>,
): Promise<void> {
  await inStage(home, async (stage) => {
    const { child, ended } = startShell(home.user, unpackScript, [stage], ['pipe', 'ignore', 'pipe'])
    const written = child.stdin ? pipeline([archive], createGunzip(), child.stdin) : Promise.resolve()
    const [{ code, message }, fault] = await Promise.all([ended, faultOf(written)])
    if (code !== 0 || fault !== undefined) throw failed('unpacked', home, message || (fault ?? ''))
    await onSwap()
    const swap = await runScript(home, swapScript, [stage], 'swap').ended
    if (swap.code !== 0) throw failed('replaced', home, swap.message)
  })
}

/** Resolves with the fault of a writer; `undefined` also if the reader has left early, as tar does at the end mark. */
async function faultOf(written: Promise<unknown>): Promise<string | undefined> {
  try {
    await written
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE' ? undefined : message
  }
}

/** Returns whether tar only found that files have changed while it read them, as those of a running agent do. */
function isOfMovingFiles(code: number | null, message: string): boolean {
  const lines = message.split('\n').filter((line) => line !== '')
  const isMoving = (line: string): boolean =>
    /file changed as we read it|file removed before we read it|socket ignored/i.test(line)
  return code === 1 && lines.length > 0 && lines.every(isMoving)
}

const failed = (what: string, { path }: ArchivedHome, message: string): OpenCodeRuntimeError =>
  new OpenCodeRuntimeError(`The home ${path} could not be ${what}: ${message.trim().split('\n')[0] ?? ''}`)

/** Calls a function with a new folder beside the home, which belongs to the agent's user. */
async function inStage<T>({ path, user }: ArchivedHome, act: (stage: string) => Promise<T>): Promise<T> {
  const stage = mkdtempSync(join(path, '..', stagePrefix))
  try {
    if (user) chownSync(stage, user.uid, user.gid)
    return await act(stage)
  } finally {
    // A stage that stays is removed at the next start.
    await removeStage(stage).catch(() => undefined)
  }
}

/**
 * Removes a folder in which a home was packed or unpacked. The content is removed with the rights of its owner, who may
 * put links in the place of folders meanwhile.
 *
 * @throws Error of the file system if the folder stays
 */
export async function removeStage(stage: string): Promise<void> {
  const { uid, gid } = await lstat(stage)
  if (process.geteuid?.() === uid) return rm(stage, { recursive: true, maxRetries: 5, retryDelay: 50 })
  await startShell({ uid, gid }, 'rm -rf -- "$1"', [stage], ['ignore', 'ignore', 'ignore']).ended
  await rmdir(stage)
}

/** End of a program: its code, and what it has written to its standard error. */
interface ScriptEnd {
  readonly code: number | null
  readonly message: string
}

/**
 * Runs a script whose first arguments are opencode's data folder and the home. Both are made if they are missing. In a
 * home that the host must not trust, they are passed as open folders.
 */
function runScript(home: ArchivedHome, script: string, args: readonly string[], kind: 'pack' | 'swap') {
  const { path, user, owner } = home
  const folders = [dataFolder, []].map((segments) => openHomeFolder(path, segments, owner))
  try {
    const opened = owner ? folders.map((folder) => openSync(folder.path, 'r')) : []
    try {
      const paths = owner
        ? opened.map((_, i) => `/proc/self/fd/${i + 3}`)
        : folders.map((folder) => folder.path)
      const output = kind === 'pack' ? 'pipe' : 'ignore'
      return startShell(user, script, [...paths, ...args], ['ignore', output, 'pipe', ...opened])
    } finally {
      for (const descriptor of opened) closeSync(descriptor)
    }
  } finally {
    for (const folder of folders) folder.close()
  }
}

/** Kills a script with its programs. */
function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) signalGroup(pid, 'SIGKILL')
}

function startShell(
  user: AgentUser | undefined,
  script: string,
  args: readonly string[],
  stdio: ('pipe' | 'ignore' | number)[],
): { child: ChildProcess; ended: Promise<ScriptEnd> } {
  const child = spawn('/bin/sh', ['-c', script, 'opencode-runtime-home', ...args], {
    ...user,
    cwd: '/',
    env: { PATH: [process.env['PATH'], '/usr/bin:/bin'].filter(Boolean).join(':'), LC_ALL: 'C' },
    stdio,
    // Own process group, so that all programs of the script end together.
    detached: true,
  })
  const limit = setTimeout(() => endGroup(child), timeLimitMs)
  let message = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (message = (message + text).slice(-10_000)))
  const ended = new Promise<ScriptEnd>((resolve) => {
    child.on('error', (error) => resolve({ code: null, message: error.message }))
    child.on('close', (code, signal) =>
      resolve({ code, message: message || (signal ? `ended by ${signal}` : '') }),
    )
  })
  void ended.then(() => clearTimeout(limit))
  return { child, ended }
}
