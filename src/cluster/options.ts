import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import { Fleet } from '../api/fleet/fleet.ts'
import { dataDirOf } from '../api/fleet/internals.ts'
import { count } from '../config/schema-parts.ts'
import { lazily, parse } from '../config/validation.ts'
import { InvalidOptionsError } from '../errors.ts'

/** Options of {@link joinCluster}. */
export interface JoinOptions {
  /** Fleet that runs the turns on this host. */
  fleet: Fleet
  /**
   * Connects to NATS, with the servers, the credentials and TLS of your choice. Called twice: for the traffic, and for the
   * leases. Let the connections go on for ever: `maxReconnectAttempts: -1`.
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
   * Moment at which the homes of agents are saved for the next host. Only `never` is implemented: an agent on another
   * host begins with the home that is there.
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
   * Number of NATS servers that keep each message: 1, 3 or 5.
   *
   * @defaultValue 1
   */
  replicas?: 1 | 3 | 5
}

/** Options of a host with every default filled in. */
export type ResolvedJoinOptions = Readonly<
  Required<Omit<JoinOptions, 'resolveKey'>> & { resolveKey: JoinOptions['resolveKey'] | undefined }
>

const token = (max: number) => {
  const error = `expected 1 to ${max} letters, digits, _ or -`
  return z.string(error).regex(new RegExp(`^[\\w-]{1,${max}}$`), error)
}
const oneOf = <const Value extends string>(values: readonly Value[]) =>
  z.enum(values, `expected ${values.map((value) => `'${value}'`).join(', ')}`)

/** Name of a cluster. @internal */
export const clusterName = lazily(() => token(32))

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

const joinSchema = lazily(() =>
  z.strictObject(
    {
      connect: connectFunction(),
      name: clusterName(),
      hostId: token(64).optional(),
      leaseMs: count('milliseconds', shortestLeaseMs, 600_000).default(15_000),
      homes: z
        .strictObject({ save: oneOf(['before-end', 'on-release', 'never']) }, 'expected an object')
        .default({ save: 'never' }),
      resolveKey: keyFunction().optional(),
      replicas: z.literal([1, 3, 5], 'expected 1, 3 or 5').default(1),
    },
    'expected an object',
  ),
)

/**
 * Validates the options of a host and fills in the defaults.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option
 * @internal
 */
export function resolveJoinOptions(options: JoinOptions): ResolvedJoinOptions {
  const { fleet, ...rest } = Object(options) as Partial<JoinOptions>
  if (!(fleet instanceof Fleet)) throw new InvalidOptionsError('Option `fleet` is required: expected a Fleet')
  const { hostId, resolveKey, ...given } = parse(joinSchema, rest, 'option')
  if (given.homes.save !== 'never')
    throw new InvalidOptionsError(
      `Option homes.save '${given.homes.save}' is not implemented yet: homes are not saved, so use 'never'`,
    )
  return { ...given, fleet, resolveKey, hostId: hostId ?? usualHostId(dataDirOf(fleet)) }
}

/** Returns the name of a host, the same for each start with a data folder. */
function usualHostId(dataDir: string): string {
  const name = hostname().replaceAll(/[^\w-]/g, '-')
  const hash = createHash('sha256').update(dataDir).digest('hex')
  return `${name.slice(0, 50)}-${hash.slice(0, 8)}`
}
