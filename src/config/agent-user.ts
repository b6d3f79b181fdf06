/** User and group of a server's processes, or of a home's files. */
export interface AgentUser {
  uid: number
  gid: number
}

/** Process whose rights decide whether a server can run as another user. */
interface Host {
  platform: NodeJS.Platform
  /** Effective user id; `undefined` on a platform without users. */
  uid: number | undefined
}

/** Returns the user of a server's options; `undefined` if the server runs as the host's user. */
export const agentUserOf = ({
  uid,
  gid = uid,
}: {
  uid?: number | undefined
  gid?: number | undefined
}): AgentUser | undefined => (uid === undefined || gid === undefined ? undefined : { uid, gid })

/**
 * Returns the owner of a home whose content the host must not trust, because the agent has fewer rights than the
 * host: it is another user, or in a sandbox. `undefined` if the agent can do all that the host can.
 *
 * @remarks Only Linux can open a folder so that no link is followed on the way (see `io/home/held-folder.ts`).
 */
export function homeOwnerOf(options: OwnerOptions): AgentUser | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()]
  const isSandboxed = options.spawn !== undefined && process.platform === 'linux'
  const own = isSandboxed && uid !== undefined && gid !== undefined ? { uid, gid } : undefined
  return agentUserOf(options) ?? own
}

/** Options that decide about the owner of a home. */
interface OwnerOptions {
  uid?: number | undefined
  gid?: number | undefined
  spawn?: unknown
}

/**
 * Returns the reason why this host cannot start a server as another user, and what to do; `undefined` if the
 * host can.
 */
export function userProblem(host: Host = thisHost()): string | undefined {
  const instead = 'leave uid and gid out, and separate agents by the option spawn'
  if (host.platform !== 'linux')
    return `expected no uid and no gid, because a server runs as another user on Linux only: ${instead}`
  if (host.uid === 0) return undefined
  return `expected no uid and no gid, because only root can start a server as another user, and this process runs as user ${host.uid ?? 'unknown'}: run the host as root, or ${instead}`
}

const thisHost = (): Host => ({ platform: process.platform, uid: process.geteuid?.() })
