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
  /** The limits of the account, of the servers together, or of the server are reached. */
  10002: 'no_room',
  10023: 'no_room',
  10047: 'no_room',
}

/** Advice for a stream that does not exist, and its error code. */
const missing = {
  code: 10059,
  advice: 'no host has joined a cluster of this name yet: join one with joinCluster(), or check the name',
}
/** Advice for limits of the streams that are together larger than the store of the server, or for a full disk. */
const noRoom =
  'NATS has too little room: a cluster reserves 2.5 GB, and the limit is 75 % of the free disk unless `jetstream { max_file_store }` of the server names one'

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
  const told = firstLine(messageOf(error))
  const fault = faultOf(error, told)
  const text = adviceOf(error, fault) ?? told
  return new ClusterStoreError(fault, `The store of the cluster: ${text}`, { cause: error })
}

/** Returns what to do about an error; `undefined` for an error that is told as it is. */
function adviceOf(error: unknown, fault: ClusterStoreFault): string | undefined {
  if (error instanceof JetStreamApiError && error.code === missing.code) return missing.advice
  if (fault === 'no_room') return noRoom
  if (error instanceof Error && error.name === 'JetStreamNotEnabled')
    return 'NATS runs without JetStream, or the account of the user has none: start nats-server with -js'
  if (fault !== 'denied') return undefined
  return `${firstLine(messageOf(error))}: a host needs the key hosts.nk of this cluster, and a caller callers.nk. With the key of one tenant, give this tenant as the option \`tenant\``
}

const isDenied = (error: unknown): boolean =>
  [error, error instanceof Error ? error.cause : undefined].some(
    (cause) => cause instanceof PermissionViolationError,
  )

function faultOf(error: unknown, text: string): ClusterStoreFault {
  if (error instanceof JetStreamApiError) {
    const isDiskFull = /no space left|insufficient storage/i.test(text)
    return isDiskFull ? 'no_room' : (faults[error.code] ?? 'unavailable')
  }
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
