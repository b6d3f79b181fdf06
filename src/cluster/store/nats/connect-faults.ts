import type { NatsConnection } from '@nats-io/transport-node'
import { firstLine, messageOf } from '../../../util/messages.ts'
import { ClusterStoreError } from '../cluster-store.ts'

/** Advice for connections that fail, by a pattern of the names, codes and messages of the error and its causes. */
const advice: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [
    /AuthorizationError/,
    'give the credentials of a user of NATS. `cluster nats-config` writes a key for each: hosts.nk for a host, callers.nk or tenant-NAME.nk for a caller',
  ],
  [
    /NKeysError|nkeys:/,
    'the key must be the text of a file that `cluster nats-config` has written, such as hosts.nk: it begins with SU',
  ],
  [/parse credentials/, 'the credentials must be the text of a .creds file, with a JWT and a seed'],
  [
    /UNABLE_TO_(?:VERIFY|GET)|SELF_SIGNED/,
    'give the authority that has signed the certificate of NATS, as `ca` of `tls`: a text in PEM',
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'give NATS by a host name that is in its certificate. In the place of an IP address, the client compares localhost',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'renew the certificate of NATS, or set the clock of this machine'],
  [/does not support 'tls'/, 'leave `tls` out, or start nats-server with a certificate'],
  [
    /ERR_SSL_|EPROTO/,
    'the server begins without a handshake of TLS, or with one: see `handshake_first` of nats-server and of `tls`',
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET/,
    'is nats-server running, and is its address right?',
  ],
  [
    /TimeoutError/,
    'the address does not answer as NATS does, or demands a certificate: then give `cert` and `key` of `tls`',
  ],
]

/**
 * Connects to NATS.
 *
 * @throws ClusterStoreError `denied` or `unavailable`, with advice
 */
export async function connected(connect: () => Promise<NatsConnection>): Promise<NatsConnection> {
  try {
    return await connect()
  } catch (error) {
    if (error instanceof ClusterStoreError) throw error
    const facts = [...causesOf(error)].join('\n')
    const [, known] = advice.find(([pattern]) => pattern.test(facts)) ?? []
    const fault = /AuthorizationError/.test(facts) ? 'denied' : 'unavailable'
    const text = `NATS cannot be used: ${firstLine(messageOf(error))}${known === undefined ? '' : `: ${known}`}`
    throw new ClusterStoreError(fault, text, { cause: error })
  }
}

/** Returns the names, codes and messages of an error and its causes. */
function* causesOf(error: unknown): Generator<string> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    yield `${cause.name} ${code} ${cause.message}`
  }
}
