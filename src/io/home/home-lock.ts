import { randomUUID } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { HomeLockedError, HostFaultError } from '../../errors.ts'
import { quietly } from '../../util/quietly.ts'
import { unwritable } from '../opencode/config-file.ts'
import { asHostFault } from '../host/host-fault.ts'
import { untilDone } from '../../util/in-background.ts'
import { liveHolds } from './live-holds.ts'
import { isAbandoned } from './private-file.ts'
import { identify, isSameProcess } from '../process/process-identity.ts'
import { isFrom, isOrigin, makeStateFolder, originOf, stateFolder, type Origin } from './state-folder.ts'

/** Who holds a home, as its lock file says it. */
export interface LockHolder {
  /** Of this hold: two servers of one process are two holders. */
  id: string
  pid: number
  startTime: string
  host: string
  /** Epoch ms. */
  at: number
  /** Where it holds; not said by earlier versions. */
  origin?: Origin
  /** The realm of its {@link liveHolds}; not said by earlier versions. */
  realm?: string
  released?: boolean
}

/** A hold on a home. */
export interface HomeLock {
  /**
   * Lets go of it; once is enough. Never throws: this process may take the home again at once, and others as soon as the
   * file system lets it be written, which is tried until then.
   */
  release(): void
}

const prefix = 'host.lock.'
/** More others than that never get in between: something else is wrong. */
const maxTries = 1_000

/**
 * Takes the lock of a home, at once or not at all; that of a holder who died is taken over.
 *
 * Files `host.lock.<n>` hold it: the highest is the lock. Each appears at once with its whole content (a hard link), so
 * one of many wins a number, and the highest is never removed, only marked as released: whoever was late and got a lower
 * number sees the higher one, and tries again. Where a file system has no hard links the content follows the file, and
 * of two who come in the same moment the later one may win.
 *
 * A lock that was copied with its home holds nothing. One of this process is held for as long as its hold lives, whatever
 * the file says: a release may have failed.
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) that names the holder, InvalidOptionsError
 *   (`ERR_OPENCODE_INVALID_OPTIONS`) where the home cannot be written, HostFaultError (`ERR_OPENCODE_HOST_FAULT`) where the
 *   host refuses for the moment.
 */
export function lockHome(home: string): HomeLock {
  try {
    return takeLock(makeStateFolder(home))
  } catch (error) {
    const known = asHostFault(error, 'The lock of the home could not be taken', home)
    if (known instanceof HomeLockedError || known instanceof HostFaultError) throw known
    throw unwritable('home', home, error)
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
    origin: originOf(folder),
    realm: liveHolds().realm,
  }
  for (let tries = 0; tries < maxTries; tries++) {
    const top = highest(folder)
    refuseIfHeld(folder, top)
    if (!claim(folder, top + 1, holder)) continue
    const lock = held(folder, top + 1, holder)
    if (isHighest(folder, top + 1, lock)) return lock
  }
  throw new Error(`The lock of the home could not be taken: ${maxTries} others came first`)
}

function held(folder: string, generation: number, holder: LockHolder): HomeLock {
  const { ids } = liveHolds()
  ids.add(holder.id)
  return {
    release: () => {
      if (ids.delete(holder.id)) untilDone(() => release(folder, generation, holder))
    },
  }
}

/** Whether a number that was claimed is the lock; lets go of one that is not, or of which that cannot be seen. */
function isHighest(folder: string, generation: number, lock: HomeLock): boolean {
  try {
    if (highest(folder) !== generation) {
      lock.release()
      return false
    }
  } catch (error) {
    lock.release()
    throw error
  }
  // The lock is ours: whatever fails here is no reason to lose it.
  quietly(() => tidy(folder, generation))
  return true
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
  return holder && holder.released !== true && isFrom(holder.origin, folder) && isLive(holder)
    ? holder
    : undefined
}

function isLive({ id, pid, startTime, realm }: LockHolder): boolean {
  const ours = liveHolds()
  return realm === ours.realm ? ours.ids.has(id) : isSameProcess(pid, startTime)
}

/**
 * Who holds a lock; nobody where the file is gone, torn or none of ours. Throws the system's error where it cannot be read:
 * that is no free home.
 */
function readHolder(file: string): LockHolder | undefined {
  try {
    return parseHolder(readFileSync(file, 'utf8'))
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
    // An origin that makes no sense counts as unsaid: the lock may be held.
    const { origin: _unsaid, ...rest } = holder as LockHolder
    return isOrigin(origin) ? { ...rest, origin } : rest
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
    removeDraft(draft)
  }
}

/** One that stays is removed by a later holder. */
const removeDraft = (draft: string): unknown => quietly(() => rmSync(draft, { force: true }))

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
  try {
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    removeDraft(draft)
    throw error
  }
  return draft
}

/**
 * Marks a lock as released, and returns whether nothing more has to be done: this process may have taken it again. The
 * file stays, so that its number is never given again; a disk that is full still takes an empty one.
 */
function release(folder: string, generation: number, holder: LockHolder): boolean {
  const file = fileOf(folder, generation)
  try {
    if (readHolder(file)?.id === holder.id) markReleased(folder, file, holder)
    return true
  } catch {
    return (
      quietly(() => {
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

/** Removes what the lock no longer needs: the numbers before it, and drafts of those who died. */
function tidy(folder: string, generation: number): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const isOld = (numberOf(name) ?? generation) < generation
    if (isOld || (name.startsWith('host.draft.') && isAbandoned(file)))
      quietly(() => rmSync(file, { force: true }))
  }
}

const fileOf = (folder: string, generation: number): string => join(folder, `${prefix}${generation}`)

const highest = (folder: string): number =>
  readdirSync(folder).reduce((top, name) => Math.max(top, numberOf(name) ?? 0), 0)

function numberOf(name: string): number | undefined {
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : undefined
}
