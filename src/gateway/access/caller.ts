/** Right of a token. */
export type Scope = 'read' | 'turn' | 'approve' | 'admin'

/** All scopes, from the smallest to the widest. `admin` does not include the others. */
export const scopes = ['read', 'turn', 'approve', 'admin'] as const satisfies readonly Scope[]

/** Token as `tokens.json` and the option `tokens` hold it. */
export interface TokenRecord {
  /** Id of the token, which is not secret. */
  id: string
  /** `sha256:` and the hash of the token in hex. */
  hash: string
  scopes: readonly Scope[]
  /** Agents that the token is for; all if absent. */
  agents?: readonly string[]
  /** Tenant that the token is for; all if absent. */
  tenant?: string
  /** Time from which the token is refused, ISO 8601; never if absent. */
  expires_at?: string
}

/** Caller of a request: the token that the request has proved. */
export interface Caller {
  readonly tokenId: string
  readonly scopes: ReadonlySet<Scope>
  /** Agents that the caller may see; all if absent. */
  readonly agents: ReadonlySet<string> | undefined
  /** Tenant that the caller may see; all if absent. */
  readonly tenant: string | undefined
}

/** Returns true if the caller is for all agents of all tenants. */
export const isUnscoped = (caller: Caller): boolean =>
  caller.agents === undefined && caller.tenant === undefined

/** Returns true if the caller may see an agent. */
export const sees = (caller: Caller, agent: { id: string; tenant: string }): boolean =>
  (caller.agents === undefined || caller.agents.has(agent.id)) &&
  (caller.tenant === undefined || caller.tenant === agent.tenant)

/** Caller of every request of a gateway without tokens (`insecureNoAuth`). */
export const anyone: Caller = {
  tokenId: 'none',
  scopes: new Set(scopes),
  agents: undefined,
  tenant: undefined,
}
