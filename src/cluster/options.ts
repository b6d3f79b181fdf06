import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import { Fleet } from '../api/fleet/fleet.ts'
import { dataDirOf } from '../api/fleet/internals.ts'
import { isAgentId } from '../config/agent-spec.ts'
import { count } from '../config/schema-parts.ts'
import { lazily, parse } from '../config/validation.ts'
import { InvalidOptionsError } from '../errors.ts'

/** Options of {@link joinCluster}. */
export interface JoinOptions {
  /** Fleet that runs the turns on this host. */
  fleet: Fleet
  /**
   * Connects to NATS, with the servers, the credentials and TLS of your choice. Called twice: for the traffic, and for the
   * leases. Let the connections go on for ever: `maxReconnectAttempts: -1`, and `ignoreAuthErrorAbort: true` if they shall
   * outlive a NATS that refuses the credentials for a while.
   */
  connect: () => Promise<NatsConnection>
  /** Name of the cluster, the same on all hosts: 1 to 32 letters, digits, `_` or `-`. */
  name: string
  /**
   * Name of this host, the same after a restart: 1 to 64 letters, digits, `_` or `-`.
   *
   * @defaultValue the host name, and a hash of the fleet's `dataDir`
   */
  hostId?: string
  /**
   * Time after which a host without a sign of life is dead, in ms, the same on all hosts.
   *
   * @defaultValue 15_000
   */
  leaseMs?: number
  /**
   * Moment at which the homes of agents are saved for the next host: before the end of each turn is told, or when the host
   * gives the agent up. With `never`, an agent on another host begins with the home that is there. Needs `tar`, and the
   * same `dataDir` on every host.
   *
   * @defaultValue `{ save: 'never' }`
   */
  homes?: { save: 'before-end' | 'on-release' | 'never' }
  /**
   * Returns the key of an agent's endpoint (`proxy.apiKey`) on this host, because keys do not travel. Called with the id
   * of the agent when its server starts, if neither the spec on this host, nor `defaults` or `resolve` of the fleet, gives
   * a key.
   *
   * @defaultValue none: an agent without a key runs on other hosts
   */
  resolveKey?: (agentId: string) => string | Promise<string>
  /**
   * Secret of the hosts, the same on all of them: 32 characters at least, for example of `openssl rand -base64 32`. With it,
   * turns may have a `context`: callers seal the context with the public key that the hosts tell, and only the hosts can
   * open it. Of several secrets, the first one is for callers, and all open contexts: put a new secret last on all hosts,
   * then first, and then remove the old one.
   *
   * @defaultValue none: a turn with a context is rejected
   */
  contextKey?: string | readonly string[]
  /**
   * Number of NATS servers that keep each message: 1, 3 or 5.
   *
   * @defaultValue 1
   */
  replicas?: 1 | 3 | 5
}

/** Options of a host with every default filled in. */
export type ResolvedJoinOptions = Readonly<Required<Omit<JoinOptions, 'contextKey' | 'resolveKey'>>> & {
  /** Secrets for the contexts of turns; none if the host opens no context. */
  readonly contextKeys: readonly string[]
  readonly resolveKey: JoinOptions['resolveKey'] | undefined
}

const token = (max: number) => {
  const error = `expected 1 to ${max} letters, digits, _ or -`
  return z.string(error).regex(new RegExp(`^[\\w-]{1,${max}}$`), error)
}
const oneOf = <const Value extends string>(values: readonly Value[]) =>
  z.enum(values, `expected ${values.map((value) => `'${value}'`).join(', ')}`)

/** Name of a cluster. @internal */
export const clusterName = lazily(() => token(32))

/** Name of a tenant. @internal */
export const tenantName = lazily(() =>
  z.custom<string>(isAgentId, 'expected 1 to 63 characters a-z, 0-9, _ and -'),
)

/** Function that connects to NATS. @internal */
export const connectFunction = lazily(() =>
  z.custom<JoinOptions['connect']>((value) => typeof value === 'function', 'expected a function'),
)

const keyFunction = lazily(() =>
  z.custom<NonNullable<JoinOptions['resolveKey']>>(
    (value) => typeof value === 'function',
    'expected a function',
  ),
)

/** Shortest lease, in ms: a renewal needs time for some attempts. */
const shortestLeaseMs = 500

const secretError = 'expected a secret of at least 32 characters, or a list of such secrets'

/** Schema of the options of a host without the fleet. @internal */
export const joinSchema = lazily(() => {
  const contextSecret = z.string(secretError).min(32, secretError)
  return z.strictObject(
    {
      connect: connectFunction(),
      name: clusterName(),
      hostId: token(64).optional(),
      leaseMs: count('milliseconds', shortestLeaseMs, 600_000).default(15_000),
      homes: z
        .strictObject(
          { save: oneOf(['before-end', 'on-release', 'never']) },
          "expected an object such as { save: 'before-end' }",
        )
        .default({ save: 'never' }),
      resolveKey: keyFunction().optional(),
      contextKey: z
        .union([contextSecret, z.array(contextSecret).min(1, secretError)], secretError)
        .optional(),
      replicas: z.literal([1, 3, 5], 'expected 1, 3 or 5').default(1),
    },
    'expected an object',
  )
})

/**
 * Validates the options of a host and fills in the defaults.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option
 * @internal
 */
export function resolveJoinOptions(options: JoinOptions): ResolvedJoinOptions {
  const { fleet, ...rest } = Object(options) as Partial<JoinOptions>
  if (!(fleet instanceof Fleet)) throw new InvalidOptionsError('Option `fleet` is required: expected a Fleet')
  const { hostId, resolveKey, contextKey = [], ...given } = parse(joinSchema, rest, 'option')
  const contextKeys = [contextKey].flat()
  return { ...given, fleet, resolveKey, hostId: hostId ?? usualHostId(dataDirOf(fleet)), contextKeys }
}

/** Returns the name of a host, the same for each start with a data folder. */
function usualHostId(dataDir: string): string {
  const name = hostname().replaceAll(/[^\w-]/g, '-')
  const hash = createHash('sha256').update(dataDir).digest('hex')
  return `${name.slice(0, 50)}-${hash.slice(0, 8)}`
}
