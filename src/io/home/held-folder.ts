import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { errnoOf } from '../host/host-fault.ts'

/** Open folder of a home. */
export interface HeldFolder {
  /** Path that leads to this folder until it is closed, whatever is renamed or linked meanwhile. */
  readonly path: string
  /** Closes the folder. */
  readonly close: () => void
}

/**
 * Opens a folder of a home that the host must not trust, and makes what is missing. A host with more rights than
 * the agent must not follow a link that the agent has put into its home, and must not give away what is behind
 * the link. Therefore each folder on the way is opened in the folder before it, without links, and its owner is
 * checked.
 *
 * @param segments - names of the folders, from the home downwards
 * @param keeper - owner of the last folder: the agent's user, or the host, whose files no agent may change
 * @throws InvalidOptionsError if a folder is a link, no folder, or belongs to a third user
 */
export function holdFolder(
  home: string,
  segments: readonly string[],
  user: AgentUser,
  keeper: 'user' | 'host',
): HeldFolder {
  let [at, held] = [resolve(home), holdHome(home, user)]
  for (const [index, name] of segments.entries()) {
    const isHosts = keeper === 'host' && index === segments.length - 1
    at = join(at, name)
    held = enter(held, name, isHosts ? undefined : user, at)
  }
  return folderOf(held)
}

/** Makes a folder in a folder that is held open, unless it exists; it belongs to the user. */
export function makeOwnFolder(path: string, user: AgentUser): void {
  folderOf(openOwn(path, user, path)).close()
}

/**
 * Opens the home. A home that is missing or empty is given to the user; a folder with content is not, because
 * the content may belong to the host.
 */
function holdHome(home: string, user: AgentUser): number {
  mkdirSync(dirname(resolve(home)), { recursive: true })
  makeFolder(home)
  // The folders above belong to the host, so links there are the host's own.
  const held = openFolder(realpathSync(home), home, user)
  try {
    const { uid } = fstatSync(held)
    const isNew = uid === hostUid() && readdirSync(pathOf(held)).length === 0
    if (uid !== user.uid && !isNew) throw foreignFolder(home, user, uid)
    if (isNew) give(held, user)
    return held
  } catch (error) {
    closeSync(held)
    throw error
  }
}

/** Opens a folder in a held folder, which is closed. */
function enter(held: number, name: string, user: AgentUser | undefined, at: string): number {
  try {
    return openOwn(join(pathOf(held), name), user, at)
  } finally {
    closeSync(held)
  }
}

/** Makes and opens a folder of the user, or of the host if there is no user. */
function openOwn(path: string, user: AgentUser | undefined, at: string): number {
  const isNew = makeFolder(path)
  const opened = openFolder(path, at, user)
  try {
    // The owner is looked up again: the agent may have put its own folder in the place of the new one.
    if (isNew && user && fstatSync(opened).uid === hostUid()) give(opened, user)
    const { uid } = fstatSync(opened)
    if (uid !== (user?.uid ?? hostUid())) throw foreignFolder(at, user, uid)
    return opened
  } catch (error) {
    closeSync(opened)
    throw error
  }
}

/** Makes a folder, and returns whether it is new. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, 0o700)
    return true
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return false
  }
}

function openFolder(path: string, at: string, user: AgentUser | undefined): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    if (!['ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error
    throw new InvalidOptionsError(
      `Invalid option home: expected a folder of ${ownerOf(user)} at ${JSON.stringify(at)}, got a link or a file. Move it away`,
    )
  }
}

function give(held: number, { uid, gid }: AgentUser): void {
  fchownSync(held, uid, gid)
  fchmodSync(held, 0o700)
}

function foreignFolder(at: string, user: AgentUser | undefined, uid: number): InvalidOptionsError {
  const advice = user
    ? `Change the owner: chown -R ${user.uid}:${user.gid} ${at}`
    : `The agent may have written what is in it. Remove it while no host uses the home`
  return new InvalidOptionsError(
    `Invalid option home: expected ${JSON.stringify(at)} to belong to ${ownerOf(user)}, got user ${uid}. ${advice}`,
  )
}

const ownerOf = (user: AgentUser | undefined): string =>
  user ? `user ${user.uid}` : `the host's user ${hostUid()}`

const hostUid = (): number => process.geteuid?.() ?? -1

/** Returns the path of an open folder. Linux resolves the folder by its descriptor, not by its name. */
const pathOf = (descriptor: number): string => `/proc/self/fd/${descriptor}`

function folderOf(descriptor: number): HeldFolder {
  let isOpen = true
  return {
    path: pathOf(descriptor),
    close: () => {
      if (isOpen) closeSync(descriptor)
      isOpen = false
    },
  }
}
