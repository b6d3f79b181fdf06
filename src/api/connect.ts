import { setTimeout as sleep } from 'node:timers/promises'
import type { Observable } from 'rxjs'
import { createActor, waitFor } from 'xstate'
import { attachedActors } from '../actors/server/attached.ts'
import { runtimeOf } from '../actors/runtime.ts'
import type { SessionInfo } from '../io/opencode/session-wire.ts'
import { InvalidOptionsError } from '../errors.ts'
import type { ServerContext } from '../machines/context.ts'
import { serverMachine, type ServerActorRef } from '../machines/server-machine.ts'
import { longestMs } from '../config/option-schema.ts'
import {
  compileConnection,
  type ConnectOptions,
  type PermissionPolicy,
  type QuestionPolicy,
  type TurnDefaults,
} from '../config/options.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import type { Reply, TerminalReply } from '../replies.ts'
import { coldTurn } from './cold-turn.ts'
import { listSessions, type ListSessionsOptions } from './list-sessions.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { startTurn, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'
import { firstLine, messageOf } from '../util/messages.ts'

/** Connection for turns on a server that another program manages. */
export interface Connection extends AsyncDisposable {
  /**
   * Runs a turn. Never throws: a failure becomes the turn's single `error` reply.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>>
  /**
   * Returns a cold observable: each subscription runs a turn, and unsubscribing cancels it.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The replies of a turn per subscription. Never errors.
   */
  turn$(input: string | TurnInput): Observable<Reply>
  /**
   * Opens a conversation, new or continued.
   *
   * @param options - The session to continue, or properties of a new session.
   * @returns The conversation. No request is sent before first use.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   */
  session(options?: SessionOptions): Session
  /**
   * Lists the sessions of the server.
   *
   * @param options - Number of sessions, text of the titles, and beginning of the list.
   * @returns The sessions of all directories, the latest changed first, without sessions of subagents.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session `before` does not exist.
   * @throws OpenCodeRuntimeError if the server does not answer, or refuses.
   */
  sessions(options?: ListSessionsOptions): Promise<SessionInfo[]>
  /** Ends the connection's turns with `cancelled` and releases the server, which keeps running. */
  close(): Promise<void>
}

/** Receiver of a turn's replies. The result is awaited. */
export type Sink = (reply: Reply) => unknown

/** Options of {@link driveTurn}: those of the connection and those of a turn. */
export type DriveTurnOptions = Omit<ConnectOptions, keyof TurnDefaults> &
  Omit<TurnInput, 'text' | 'traceId' | 'onPermission' | 'onQuestion'> & {
    modelId: string
    /** Answer to permission requests; not `'ask'`, because the function returns no turn to answer on. */
    onPermission?: Exclude<PermissionPolicy, 'ask'>
    /** Answer to questions; not `'ask'`. */
    onQuestion?: Exclude<QuestionPolicy, 'ask'>
    /**
     * Time limit per reply for the sink, in ms.
     *
     * @defaultValue `30_000`
     */
    sinkTimeoutMs?: number
  }

/**
 * Connects to a server that another program manages. Sends nothing before the first turn.
 *
 * @param options - Address, credentials and defaults of the connection.
 * @returns The connection. Close it, so that its turns end.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 *
 * @example
 * import { connect } from 'opencode-runtime'
 *
 * await using connection = connect({ baseURL: 'http://127.0.0.1:4096', modelId: 'gpt-4o' })
 * for await (const reply of connection.turn('Say hello')) console.log(reply)
 */
export function connect(options: ConnectOptions): Connection {
  const actor = startAttached(options)
  const turn = <S extends ObjectSchema | undefined = undefined>(
    input: string | TurnInput<S>,
  ): Turn<InferOutput<S>> => {
    // Retries after a failure, because the server may be reachable now.
    if (actor.getSnapshot().matches('failed')) actor.send({ type: 'server.start' })
    return startTurn(actor, input)
  }
  const close = async (): Promise<void> => {
    await endTurns(actor)
    actor.stop()
  }
  return {
    turn,
    turn$: (input) => coldTurn(() => turn(input)),
    session: (session = {}) => openSession(actor, session),
    sessions: (page) => listSessions(actor, page),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Cancels all turns and operations, and waits until they have ended. The server keeps running, so its work on these turns
 * would otherwise continue.
 */
async function endTurns(actor: ServerActorRef): Promise<void> {
  const { status, context } = actor.getSnapshot()
  if (status !== 'active') return
  const { turns, operations } = runtimeOf(context.runtime)
  for (const turnId of [...turns.keys(), ...operations.keys()]) actor.send({ type: 'turn.cancel', turnId })
  const isIdle = ({ running, waiting }: ServerContext) => running.length + waiting.length === 0
  await waitFor(actor, (snapshot) => isIdle(snapshot.context)).catch(() => undefined)
}

function startAttached(options: ConnectOptions) {
  const { compiled, endpoint } = compileConnection(options)
  return createActor(serverMachine.provide({ actors: attachedActors(endpoint) }), { input: compiled }).start()
}

/**
 * Runs one turn on a server that another program manages, and passes the replies to `sink` in order. Never
 * rejects.
 * A sink that throws does not stop the turn. A sink that hangs delays the turn by at most `sinkTimeoutMs` per
 * reply.
 *
 * @param text - The prompt.
 * @param traceId - Trace id, repeated in every reply.
 * @param sink - Receiver of the replies.
 * @param options - Options of the connection and of the turn.
 * @returns The terminal reply.
 *
 * @example
 * import { driveTurn } from 'opencode-runtime'
 *
 * const endpoint = { baseURL: 'http://127.0.0.1:4096', modelId: 'gpt-4o' }
 * const last = await driveTurn('Say hello', 't1', (reply) => console.log(reply), endpoint)
 * console.log(last.kind) // 'final' or 'error'
 */
export async function driveTurn(
  text: string,
  traceId: string | null,
  sink: Sink,
  options: DriveTurnOptions,
): Promise<TerminalReply> {
  const given = options as Partial<DriveTurnOptions> | null | undefined
  const deliver = async (reply: Reply): Promise<void> => {
    const limit = new AbortController()
    const handed = Promise.resolve(reply)
      .then(sink)
      .catch(() => undefined)
    await Promise.race([handed, pause(given?.sinkTimeoutMs ?? defaultSinkTimeoutMs, limit.signal)])
    limit.abort()
  }
  try {
    const { baseURL, modelId, providerId, password, username, sinkTimeoutMs, ...input } = options
    refuseAsk(input)
    const endpoint = {
      baseURL,
      modelId,
      ...defined({ providerId, password, username, directory: input.directory }),
    }
    const connection = connect(endpoint)
    try {
      const turn = connection.turn({ ...input, text, traceId })
      for await (const reply of turn) await deliver(reply)
      return await turn.done
    } finally {
      await connection.close()
    }
  } catch (thrown) {
    const error = firstLine(messageOf(thrown))
    const isInput = thrown instanceof InvalidOptionsError || !given
    const code = isInput ? 'rejected' : 'internal'
    const reply: TerminalReply = { kind: 'error', trace_id: traceId, error, code, retryable: false }
    await deliver(reply)
    return reply
  }
}

const defaultSinkTimeoutMs = 30_000

/**
 * Refuses the policy `'ask'`, because no caller could answer on a turn of `driveTurn()`.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
function refuseAsk(options: { onPermission?: unknown; onQuestion?: unknown }): void {
  for (const name of ['onPermission', 'onQuestion'] as const)
    if (options[name] === 'ask')
      throw new InvalidOptionsError(
        `Invalid option ${name}: driveTurn() returns no turn to answer on; use a turn of connect(), or a function`,
      )
}

/** Returns the values without those that are `undefined`. */
function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(Math.min(ms, longestMs), undefined, { signal }).catch(() => undefined)
}
