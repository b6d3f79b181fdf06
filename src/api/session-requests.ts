import { clockOf, elapse } from '../actors/clock.ts'
import { turnDirectory } from '../actors/server/directory-policy.ts'
import type { Conversation } from '../actors/turn/conversation.ts'
import { runtimeOf, type ServerConnection } from '../actors/runtime.ts'
import { failureOfRequest } from '../actors/session/failure.ts'
import { ensureRunning } from './ensure-running.ts'
import { OpenCodeRuntimeError, StoppedError } from '../errors.ts'
import { HttpError } from '../io/opencode/client.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'

/** Time limit for the server to create or delete a session, in ms. */
const requestTimeoutMs = 30_000
/**
 * Number of checks for the end of a server that broke off a request, and the delay before each check, in ms.
 */
const exitChecks = 10
const exitCheckMs = 50

/**
 * Resolves with the id of a conversation's session, which is created if necessary. Waits for no turn.
 *
 * @internal
 */
export async function openConversation(actor: ServerActorRef, conversation: Conversation): Promise<string> {
  if (conversation.sessionId !== undefined) return conversation.sessionId
  const named = turnDirectory(undefined, actor.getSnapshot().context.options)
  return onServer(actor, ({ client, policy }, signal) =>
    conversation.open(client, { named, title: 'Untitled', policy }, signal),
  )
}

/**
 * Aborts the work of a conversation's session and deletes the session. Does nothing if there is no session.
 *
 * @internal
 */
export async function deleteConversation(actor: ServerActorRef, conversation: Conversation): Promise<void> {
  const { sessionId } = conversation
  if (sessionId === undefined) return
  await onServer(actor, (connection, signal, tries) =>
    deleteOn(actor, connection, { conversation, sessionId, signal }).catch((error: unknown) => {
      const isMissing = error instanceof HttpError && error.status === 404
      // A retry: the previous server may have deleted the session.
      if (isMissing && tries > 0) return
      throw isMissing
        ? failureOfRequest('The session could not be deleted', sessionId, error, (text) => text)
        : error
    }),
  )
}

interface Deletion {
  conversation: Conversation
  sessionId: string
  signal: AbortSignal
}

async function deleteOn(
  actor: ServerActorRef,
  connection: ServerConnection,
  { conversation, sessionId, signal }: Deletion,
): Promise<void> {
  const { client, policy } = connection
  const directory = await conversation.locate(client, policy)
  // A busy session that is deleted keeps running and can no longer be aborted (opencode).
  if (await mayRun(actor, connection, conversation, directory))
    await client.abort(sessionId, conversation.directory ?? directory, signal)
  await client.deleteSession(sessionId, policy.base, signal)
}

/**
 * Returns whether the session may be busy. A session in a directory that is not allowed can be busy only if
 * the server already works there.
 */
async function mayRun(
  actor: ServerActorRef,
  { policy }: ServerConnection,
  conversation: Conversation,
  directory: string | undefined,
): Promise<boolean> {
  const { directories } = runtimeOf(actor.getSnapshot().context.runtime)
  const { directory: used = directory } = conversation
  if (used === undefined || directories.has(used)) return true
  return policy.resolve({ input: 'directory of the session', directory: used }).then(
    () => true,
    () => false,
  )
}

type ServerRequest<T> = (connection: ServerConnection, signal: AbortSignal, tries: number) => Promise<T>

/**
 * Sends a request that belongs to no turn.
 * The machine does not wait for such a request. If the server is replaced, stopped as idle or dies during the
 * request, the request is retried on the next server.
 *
 * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if the server is stopped meanwhile.
 */
async function onServer<T>(actor: ServerActorRef, request: ServerRequest<T>): Promise<T> {
  const callId = crypto.randomUUID()
  const report = (type: 'call.started' | 'call.ended'): void => {
    if (actor.getSnapshot().status === 'active') actor.send({ type, callId })
  }
  // The server is in use from now on: it is neither stopped as idle nor evicted.
  report('call.started')
  try {
    return await retried(actor, request)
  } finally {
    report('call.ended')
  }
}

async function retried<T>(actor: ServerActorRef, request: ServerRequest<T>): Promise<T> {
  const { runtime, stops } = actor.getSnapshot().context
  const signal = AbortSignal.timeout(requestTimeoutMs)
  for (let tries = 0; ; tries++) {
    await ensureRunning(actor)
    const { connection } = runtimeOf(runtime)
    if (!connection) throw new Error('The server is not running')
    try {
      return await request(connection, signal, tries)
    } catch (error) {
      const isAnswer = error instanceof HttpError || error instanceof OpenCodeRuntimeError
      if (isAnswer || signal.aborted || !(await hasEnded(actor, connection))) throw error
      const { status, context } = actor.getSnapshot()
      if (status !== 'active' || context.stops !== stops)
        throw new StoppedError('The server was stopped before it answered', { cause: error })
    }
  }
}

/**
 * Returns whether the server of a request is ending or has ended. Waits up to 500 ms, because broken connections may
 * be noticed before the exit.
 */
async function hasEnded(actor: ServerActorRef, { client }: ServerConnection): Promise<boolean> {
  const ended = (): boolean => {
    const snapshot = actor.getSnapshot()
    return (
      snapshot.status !== 'active' ||
      !snapshot.matches('healthy') ||
      runtimeOf(snapshot.context.runtime).connection?.client !== client
    )
  }
  const clock = clockOf(actor.system)
  for (let checks = 0; checks < exitChecks && !ended(); checks++) await elapse(clock, exitCheckMs)
  return ended()
}
