import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream'
import { PermissionViolationError } from '@nats-io/transport-node'
import { firstLine, messageOf } from '../../../util/messages.ts'
import { ClusterStoreError, type ClusterStoreFault } from '../cluster-store.ts'

/** Faults by the error codes of JetStream. */
const faults: Readonly<Record<number, ClusterStoreFault>> = {
  /** The subject has another last sequence. */
  10071: 'stale',
  /** The stream, or one of its subjects, holds its most messages. */
  10077: 'full',
  /** The message is larger than the stream takes. */
  10054: 'too_large',
}

/** Advice by the error codes of JetStream. */
const advice: Readonly<Record<number, string>> = {
  /** The stream does not exist. */
  10059: 'no host has joined a cluster of this name yet: join one with joinCluster(), or check the name',
  /** The limits of the streams together are larger than the store of the server. */
  10047:
    'NATS has too little room: a cluster reserves 2.5 GB, and the limit is 75 % of the free disk unless `jetstream { max_file_store }` of the server names one',
}

/** JetStream's code of a read that finds no message. */
const noMessage = 10037

/** Returns whether a read has found no message. */
export const isNoMessage = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === noMessage

/**
 * Returns whether an error is the usual end of a pull by bytes: the next message does not fit, or the server has sent
 * what it takes for a whole batch.
 */
export const isEndOfPull = (error: unknown): boolean =>
  error instanceof JetStreamError && /batch completed|message size exceeds maxbytes/i.test(error.message)

/** Returns the error of a store for an error of NATS. */
export function asStoreError(error: unknown): ClusterStoreError {
  if (error instanceof ClusterStoreError) return error
  const known = error instanceof JetStreamApiError ? advice[error.code] : adviceOf(error)
  const text = known ?? firstLine(messageOf(error))
  return new ClusterStoreError(faultOf(error, text), `The store of the cluster: ${text}`, { cause: error })
}

/** Returns the advice for a server without JetStream, and for a user who may not do something. */
function adviceOf(error: unknown): string | undefined {
  if (error instanceof Error && error.name === 'JetStreamNotEnabled')
    return 'NATS runs without JetStream, or the account of the user has none: start nats-server with -js'
  if (!isDenied(error)) return undefined
  return `${firstLine(messageOf(error))}: a host needs the key hosts.nk of this cluster, and a caller callers.nk. With the key of one tenant, give this tenant as the option \`tenant\``
}

const isDenied = (error: unknown): boolean =>
  [error, error instanceof Error ? error.cause : undefined].some(
    (cause) => cause instanceof PermissionViolationError,
  )

function faultOf(error: unknown, text: string): ClusterStoreFault {
  if (error instanceof JetStreamApiError) return faults[error.code] ?? 'unavailable'
  if (isDenied(error)) return 'denied'
  return /max.?payload/i.test(text) ? 'too_large' : 'unavailable'
}

/** Awaits a call to NATS. @throws ClusterStoreError */
export async function called<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw asStoreError(error)
  }
}
