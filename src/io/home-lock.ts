import { randomUUID } from 'node:crypto'
import {
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { HomeLockedError } from '../errors.ts'
import { quietly } from '../quietly.ts'
import { unwritable } from './config-file.ts'
import { identify, isSameProcess } from './process-identity.ts'
import { makeStateFolder, stateFolder } from './state-folder.ts'

/** Who holds a home, as its lock file says it. */
export interface LockHolder {
  /** Of this hold: two servers of one process are two holders. */
  id: string
  pid: number
  startTime: string
  host: string
  /** Epoch ms. */
  at: number
  released?: boolean
}

/** A hold on a home. */
export interface HomeLock {
  /** Lets go of it; once is enough. Never throws. */
  release(): void
}

const prefix = 'host.lock.'
/** A file that was written and not put in its place is somebody's who died on the way. */
const abandonedMs = 60_000
/** More others than that never get in between: something else is wrong. */
const maxTries = 1_000

/**
 * Takes the lock of a home, at once or not at all; that of a holder who died is taken over.
 *
 * Files `host.lock.<n>` hold it: the highest is the lock. Each appears at once with its whole content (a hard link), so
 * one of many wins a number, and the highest is never removed, only marked as released: whoever was late and got a lower
 * number sees the higher one, and tries again. Where a file system has no hard links the content follows the file, and
 * of two who come in the same moment the later one may win.
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) that names the holder, InvalidOptionsError
 *   (`ERR_OPENCODE_INVALID_OPTIONS`) where the home cannot be written.
 */
export function lockHome(home: string): HomeLock {
  try {
    return takeLock(makeStateFolder(home))
  } catch (error) {
    throw error instanceof HomeLockedError ? error : unwritable('home', home, error)
  }
}

/**
 * Who holds a home, seen without changing anything; `undefined` where nobody does, or only somebody who died. Throws the
 * system's error where that cannot be read.
 */
export function holderOf(home: string): LockHolder | undefined {
  const folder = stateFolder(home)
  try {
    return liveHolder(folder, highest(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function takeLock(folder: string): HomeLock {
  const holder: LockHolder = {
    id: randomUUID(),
    pid: process.pid,
    startTime: identify(process.pid)?.startTime ?? '',
    host: hostname(),
    at: Date.now(),
  }
  for (let tries = 0; tries < maxTries; tries++) {
    const top = highest(folder)
    refuseIfHeld(folder, top)
    if (!claim(folder, top + 1, holder)) continue
    if (highest(folder) === top + 1) return held(folder, top + 1, holder)
    rmSync(fileOf(folder, top + 1), { force: true })
  }
  throw new Error(`The lock of the home could not be taken: ${maxTries} others came first`)
}

function held(folder: string, generation: number, holder: LockHolder): HomeLock {
  // The lock is ours: whatever fails here is no reason to lose it.
  quietly(() => tidy(folder, generation))
  let isReleased = false
  return {
    release: () => {
      if (isReleased) return
      isReleased = true
      release(folder, generation, holder)
    },
  }
}

function refuseIfHeld(folder: string, generation: number): void {
  const holder = liveHolder(folder, generation)
  if (!holder) return
  const who = holder.pid === process.pid ? 'another server of this process' : 'another host'
  const since = new Date(holder.at).toISOString()
  throw new HomeLockedError(
    `The home is in use by ${who}: process ${holder.pid} on ${holder.host}, since ${since}. ` +
      'Stop it, or give this server a home of its own.',
  )
}

function liveHolder(folder: string, generation: number): LockHolder | undefined {
  const holder = generation === 0 ? undefined : readHolder(fileOf(folder, generation))
  const isHeld = holder && holder.released !== true && isSameProcess(holder.pid, holder.startTime)
  return isHeld ? holder : undefined
}

/** Who holds a lock; nobody where the file is gone, torn or none of ours. */
function readHolder(file: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Partial<LockHolder> | null
    const { id, pid, startTime, host, at } = holder ?? {}
    const isWhole =
      typeof id === 'string' &&
      typeof startTime === 'string' &&
      typeof host === 'string' &&
      isPid(pid) &&
      typeof at === 'number' &&
      !Number.isNaN(new Date(at).getTime())
    return isWhole ? (holder as LockHolder) : undefined
  } catch {
    return undefined
  }
}

const isPid = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0

/** Whether the number is ours now. */
function claim(folder: string, generation: number, holder: LockHolder): boolean {
  const draft = writeDraft(folder, holder)
  try {
    link(draft, fileOf(folder, generation))
    return true
  } catch (error) {
    // Somebody was faster, or took the draft for an abandoned one.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function link(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error
    // Not copied: a copy sets the mode of its source, which such a file system may refuse as well.
    writeFileSync(file, readFileSync(draft), { mode: 0o600, flag: 'wx' })
  }
}

function writeDraft(folder: string, holder: LockHolder): string {
  const draft = join(folder, `host.draft.${randomUUID()}`)
  writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' })
  return draft
}

/** The file stays, so that its number is never given again; a disk that is full still takes an empty one. */
function release(folder: string, generation: number, holder: LockHolder): void {
  const file = fileOf(folder, generation)
  try {
    if (readHolder(file)?.id !== holder.id) return
    const draft = writeDraft(folder, { ...holder, released: true })
    renameSync(draft, file)
  } catch {
    quietly(() => truncateSync(file))
  }
}

/** Removes what the lock no longer needs: the numbers before it, and drafts of those who died. */
function tidy(folder: string, generation: number): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const isOld = (numberOf(name) ?? generation) < generation
    if (isOld || (name.startsWith('host.draft.') && isAbandoned(file)))
      quietly(() => rmSync(file, { force: true }))
  }
}

function isAbandoned(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > abandonedMs
}

const fileOf = (folder: string, generation: number): string => join(folder, `${prefix}${generation}`)

const highest = (folder: string): number =>
  readdirSync(folder).reduce((top, name) => Math.max(top, numberOf(name) ?? 0), 0)

function numberOf(name: string): number | undefined {
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : undefined
}
