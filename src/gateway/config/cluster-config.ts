import { z } from 'zod'
import { joinSchema, type JoinOptions } from '../../cluster/options.ts'
import { text } from '../../config/schema-parts.ts'
import { lazily } from '../../config/validation.ts'

/** TLS of the connection to NATS, as PEM texts. */
export interface ClusterTls {
  /**
   * Certificates of the authorities to trust.
   *
   * @defaultValue those of Node
   */
  ca?: string
  /** Certificate of this client. */
  cert?: string
  /** Private key of this client. */
  key?: string
  /** True if the servers begin with the handshake (`handshake_first`). */
  handshakeFirst?: boolean
}

/** Cluster that the fleet of a config file is a host of. */
export interface ClusterConfig extends Pick<
  JoinOptions,
  'name' | 'hostId' | 'leaseMs' | 'replicas' | 'homes' | 'contextKey'
> {
  /** Addresses of NATS, such as `10.0.0.1:4222`: one, or a list. */
  servers: string | string[]
  /** User of NATS. */
  user?: string
  /** Password of the user. */
  password?: string
  /** Token of NATS, in the place of a user. */
  token?: string
  /** Text of a credentials file of NATS (JWT and seed), usually `{ file: host.creds }`. */
  creds?: string
  /** Seed of an nkey. */
  nkeySeed?: string
  /** TLS of the connection; `{}` for TLS with the authorities that Node trusts. */
  tls?: ClusterTls
}

/** Text in PEM. A path in its place would only be found when NATS is not trusted. */
const pem = () =>
  text().refine((value) => value.includes('-----BEGIN '), 'expected a text in PEM, such as { file: ca.pem }')

const onlyOne = 'expected one of user, token, creds and nkeySeed'

/** Schema of the cluster of a config file, with the names of the library. */
export const clusterConfig = lazily(() => {
  const { name, hostId, leaseMs, replicas, homes, contextKey } = joinSchema().shape
  const error = 'expected an address such as 10.0.0.1:4222, or a list of addresses'
  return z.strictObject(
    {
      ...{ name, hostId, leaseMs: leaseMs.unwrap().optional(), replicas: replicas.unwrap().optional() },
      homes: homes.unwrap().optional(),
      contextKey,
      servers: z.union([text(error), z.array(text(error), error).min(1, error)], error),
      user: text().optional(),
      password: text().optional(),
      token: text().optional(),
      creds: text().optional(),
      nkeySeed: text().optional(),
      tls: z
        .strictObject(
          {
            ca: pem().optional(),
            cert: pem().optional(),
            key: pem().optional(),
            handshakeFirst: z.boolean('expected true or false').optional(),
          },
          'expected an object',
        )
        .optional(),
    },
    'expected an object with name and servers',
  )
})

/** Returns the fault of credentials that exclude each other; `undefined` for none. */
export function faultOfCredentials({
  user,
  password,
  token,
  creds,
  nkeySeed,
}: ClusterConfig): string | undefined {
  const given = [user, token, creds, nkeySeed].filter((value) => value !== undefined)
  if (given.length > 1) return onlyOne
  return password !== undefined && user === undefined ? 'password: expected a user with it' : undefined
}
