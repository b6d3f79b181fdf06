import { randomUUID } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { HomeLockedError, HostFaultError } from '../../errors.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { unwritable } from '../opencode/config-file.ts'
import { asHostFault } from '../host/host-fault.ts'
import { retryUntilDone } from '../../util/in-background.ts'
import { liveHolds } from './live-holds.ts'
import { readPlainFileSync } from './plain-file.ts'
import { isAbandoned } from './private-file.ts'
import { identify, isSameProcess } from '../process/process-identity.ts'
import { openStateFolder, isFrom, isOrigin, originOf, stateFolder, type Origin } from './state-folder.ts'
import type { HeldFolder } from './held-folder.ts'

/** Holder of a home, as stored in the lock file. */
export interface LockHolder {
  /** Id of this hold. Two servers of one process are two holders. */
  id: string
  pid: number
  startTime: string
  host: string
  /** Time of the lock, in epoch ms. */
  at: number
  /** State folder that the lock was written in; absent in locks of earlier versions. */
  origin?: Origin
  /** Realm of the holder's {@link liveHolds}; absent in locks of earlier versions. */
  realm?: string
  released?: boolean
}

/** Lock on a home. */
export interface HomeLock {
  /**
   * Releases the lock; further calls do nothing. This process may lock the home again immediately. Other
   * processes may lock it when the file system accepts the write, which is retried until then. Never throws.
   */
  release(): void
}

const prefix = 'host.lock.'
const hotReload = (user: string): string =>
  ` If a hot reload evaluated the module again, keep one ${user} per process: ` +
  'docs/guides/next-and-hot-reload.md in the package opencode-runtime.'
/** Names of a holder in another process. */
const holderNames = { server: 'another host', fleet: 'another fleet' }
/** Limit of attempts. If so many other hosts came first, something else is wrong. */
const maxTries = 1_000

/**
 * Takes the lock of a home without waiting. The lock of a dead holder is taken over.
 *
 * The lock is the file `host.lock.<n>` with the highest number. A hard link makes each file appear with its
 * whole content, so that exactly one of many hosts gets a number. The highest file is never removed, only
 * marked as released: a late host with a lower number sees the higher number and tries again. On a file
 * system without hard links the content is written after the file is created; if two hosts come at the same
 * moment, the later host may win.
 *
 * A lock that was copied with its home holds nothing. A lock of this process is held while its hold lives,
 * regardless of the file, because a release may have failed.
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) that names the holder
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the home cannot be written
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the host cannot write at the moment
 */
export function lockHome(home: string, owner?: AgentUser): HomeLock {
  return lockPlace({ option: 'home', path: home, open: () => openStateFolder(home, owner), user: 'server' })
}

/** Place that one user at a time may have: a server its home, a fleet its data directory. */
export interface LockedPlace {
  /** Option that names the place. */
  option: 'home' | 'dataDir'
  /** Value of the option. */
  path: string
  /** Opens the folder of the lock's files, made if absent. */
  open: () => HeldFolder
  user: 'server' | 'fleet'
}

/** Takes the lock of any place, as {@link lockHome} does. */
export function lockPlace(place: LockedPlace): HomeLock {
  const { option, path } = place
  try {
    const folder = place.open()
    try {
      const lock = takeLock(folder.path, place)
      return { release: () => lock.release(folder.close) }
    } catch (error) {
      folder.close()
      throw error
    }
  } catch (error) {
    const known = asHostFault(error, `The lock of the ${option} could not be taken`, path)
    if (known instanceof HomeLockedError || known instanceof HostFaultError) throw known
    throw unwritable(option, path, error)
  }
}

/**
 * Returns the holder of a home, without changing anything; `undefined` if the home is free or its holder
 * died.
 * @throws the system's error if the lock cannot be read
 */
export const holderOf = (home: string): LockHolder | undefined => holderIn(stateFolder(home))

/** Returns the holder of a lock whose files are in a folder, as {@link holderOf} does. */
export function holderIn(folder: string): LockHolder | undefined {
  try {
    return liveHolder(folder, highest(folder))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Lock whose release reports when its file is written. */
interface TakenLock {
  release(onReleased?: () => void): void
}

function takeLock(folder: string, place: LockedPlace): TakenLock {
  const holder: LockHolder = {
    id: randomUUID(),
    pid: process.pid,
    startTime: identify(process.pid)?.startTime ?? '',
    host: hostname(),
    at: Date.now(),
    origin: originOf(folder),
    realm: liveHolds().realm,
  }
  for (let tries = 0; tries < maxTries; tries++) {
    const top = highest(folder)
    refuseIfHeld(folder, top, place)
    if (!claim(folder, top + 1, holder)) continue
    const lock = held(folder, top + 1, holder)
    if (isHighest(folder, top + 1, lock)) return lock
  }
  throw new Error(
    `The lock of the ${place.option} could not be taken in ${maxTries} tries: other hosts came first`,
  )
}

function held(folder: string, generation: number, holder: LockHolder): TakenLock {
  const { ids } = liveHolds()
  ids.add(holder.id)
  return {
    release: (onReleased = () => undefined) => {
      if (!ids.delete(holder.id)) return
      retryUntilDone(() => {
        const isReleased = release(folder, generation, holder)
        if (isReleased) onReleased()
        return isReleased
      })
    },
  }
}

/**
 * Returns whether a claimed number is the lock. Releases the number if it is not, or if the folder cannot be
 * read.
 */
function isHighest(folder: string, generation: number, lock: TakenLock): boolean {
  try {
    if (highest(folder) !== generation) {
      lock.release()
      return false
    }
  } catch (error) {
    lock.release()
    throw error
  }
  // The lock is taken; a failed cleanup must not lose it.
  ignoreErrors(() => tidy(folder, generation))
  return true
}

function refuseIfHeld(folder: string, generation: number, { option, user }: LockedPlace): void {
  const holder = liveHolder(folder, generation)
  if (!holder) return
  const isOwn = holder.pid === process.pid
  const who = isOwn ? `another ${user} of this process` : holderNames[user]
  const since = new Date(holder.at).toISOString()
  throw new HomeLockedError(
    `The ${option} is in use by ${who}: process ${holder.pid} on ${holder.host}, since ${since}. ` +
      `Stop it, or give this ${user} a ${option} of its own.${isOwn ? hotReload(user) : ''}`,
  )
}

function liveHolder(folder: string, generation: number): LockHolder | undefined {
  const holder = generation === 0 ? undefined : readHolder(fileOf(folder, generation))
  return holder && holder.released !== true && isFrom(holder.origin, folder) && isLive(holder)
    ? holder
    : undefined
}

function isLive({ id, pid, startTime, realm }: LockHolder): boolean {
  const own = liveHolds()
  return realm === own.realm ? own.ids.has(id) : isSameProcess(pid, startTime)
}

/**
 * Returns the holder in a lock file; `undefined` if the file is absent, torn or no lock of this package.
 * @throws the system's error if the file cannot be read, because that does not mean a free home
 */
function readHolder(file: string): LockHolder | undefined {
  try {
    return parseHolder(readPlainFileSync(file) ?? '')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

function parseHolder(text: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<LockHolder> | null
    const { id, pid, startTime, host, at, origin } = holder ?? {}
    const isWhole =
      typeof id === 'string' &&
      typeof startTime === 'string' &&
      typeof host === 'string' &&
      isPid(pid) &&
      typeof at === 'number' &&
      !Number.isNaN(new Date(at).getTime())
    if (!isWhole) return undefined
    // An invalid origin counts as absent, because the lock may be held.
    const { origin: _invalid, ...rest } = holder as LockHolder
    return isOrigin(origin) ? { ...rest, origin } : rest
  } catch {
    return undefined
  }
}

const isPid = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0

/** Claims a number and returns whether that succeeded. */
function claim(folder: string, generation: number, holder: LockHolder): boolean {
  const draft = writeDraft(folder, holder)
  try {
    link(draft, fileOf(folder, generation))
    return true
  } catch (error) {
    // Another host claimed the number first, or removed the draft as abandoned.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    removeDraft(draft)
  }
}

/** Removes a draft. If that fails, a later holder removes the draft. */
const removeDraft = (draft: string): unknown => ignoreErrors(() => rmSync(draft, { force: true }))

function link(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error
    // Written, not copied: a copy sets the mode of its source, which such a file system may refuse too.
    writeFileSync(file, readFileSync(draft), { mode: 0o600, flag: 'wx' })
  }
}

function writeDraft(folder: string, holder: LockHolder): string {
  const draft = join(folder, `host.draft.${randomUUID()}`)
  try {
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    removeDraft(draft)
    throw error
  }
  return draft
}

/**
 * Marks a lock as released, and returns whether nothing more has to be done. A file that holds another lock
 * is left alone, because this process may have taken the home again. The file stays, so that its number is
 * never used again. If the write fails, the file is truncated, which works on a full disk too.
 */
function release(folder: string, generation: number, holder: LockHolder): boolean {
  const file = fileOf(folder, generation)
  try {
    if (readHolder(file)?.id === holder.id) markReleased(folder, file, holder)
    return true
  } catch {
    return (
      ignoreErrors(() => {
        truncateSync(file)
        return true
      }) ?? false
    )
  }
}

function markReleased(folder: string, file: string, holder: LockHolder): void {
  const draft = writeDraft(folder, { ...holder, released: true })
  try {
    renameSync(draft, file)
  } catch (error) {
    removeDraft(draft)
    throw error
  }
}

/** Removes files that the lock no longer needs: lower numbers, and drafts of dead processes. */
function tidy(folder: string, generation: number): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const isOld = (numberOf(name) ?? generation) < generation
    if (isOld || (name.startsWith('host.draft.') && isAbandoned(file)))
      ignoreErrors(() => rmSync(file, { force: true }))
  }
}

const fileOf = (folder: string, generation: number): string => join(folder, `${prefix}${generation}`)

const highest = (folder: string): number =>
  readdirSync(folder).reduce((top, name) => Math.max(top, numberOf(name) ?? 0), 0)

function numberOf(name: string): number | undefined {
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : undefined
}
