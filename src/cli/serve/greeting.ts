import { addressText, isLocal, type ListenAddress } from '../../gateway/config/listen.ts'

/** Facts of a daemon that has started. */
export interface Started {
  address: ListenAddress
  agentCount: number
  dataDir: string
  /** Cluster that the daemon has joined, and its name there; `undefined` without a cluster. */
  member: { cluster: string; hostId: string } | undefined
  /** True if every caller is allowed. */
  isOpen: boolean
  hasToken: boolean
  /** Hosts that a request may name beside loopback. */
  allowedHosts: readonly string[]
}

/** Returns the lines that a daemon prints when it serves. */
export function greeting(started: Started): string[] {
  const { address, agentCount, dataDir, member, isOpen, hasToken, allowedHosts } = started
  const agents = `${agentCount} ${agentCount === 1 ? 'agent' : 'agents'}`
  return [
    `opencode-runtime serves ${agents} at ${addressText(address)} (data in ${dataDir})`,
    ...(member ? [`It is the host ${member.hostId} of the cluster ${member.cluster}.`] : []),
    ...(isOpen
      ? ['No token is needed: every program that reaches the address may do everything (--insecure-no-auth).']
      : []),
    ...(!isOpen && !hasToken
      ? [
          `There is no token yet. Make the first one in another terminal:`,
          `  opencode-runtime token create --data-dir ${quoted(dataDir)} --id admin`,
        ]
      : []),
    ...(!isLocal(address) && allowedHosts.length === 0
      ? ['Requests may name this address: name other hosts, such as a domain, in gateway.allowed_hosts.']
      : []),
  ]
}

/** Returns a path as a shell reads it. */
const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
