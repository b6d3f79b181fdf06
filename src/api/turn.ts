import { clockOf } from '../actors/clock.ts'
import { Conversation } from '../actors/turn/conversation.ts'
import { runtimeOf, type Runtime } from '../actors/runtime.ts'
import { TurnRecord } from '../actors/turn/turn-record.ts'
import { unknownTools } from '../actors/turn/unknown-tools.ts'
import { compileOptions, type CompiledOptions } from '../config/options.ts'
import { StoppedError } from '../errors.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import type { RequestedTurn } from '../machines/context.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import type { ErrorReply, TurnErrorCode } from '../replies.ts'
import { observeEnd } from './observe-end.ts'
import { attachHooks } from './server-machine.ts'
import { idInUse, planTurn, traceOf, turnIdOf, type TurnInput } from './turn-input.ts'
import { lazily } from '../config/validation.ts'
import { firstLine, messageOf } from '../util/messages.ts'

import { turnHandle, type ServerAccess, type Turn } from './turn-handle.ts'

export type { Turn } from './turn-handle.ts'

/**
 * Runs a turn on a server machine: your own or an embedded machine. Never throws: a bad input or a stopped
 * actor gives one `error` reply.
 *
 * @param actor - The actor of the server machine.
 * @param input - The prompt, or all fields of the turn.
 * @param conversation - The conversation of the turn; internal.
 * @returns The handle of the turn.
 *
 * @example
 * import { startTurn, type ServerActorRef } from 'opencode-runtime'
 *
 * export function sayHello(opencode: ServerActorRef): void {
 *   const turn = startTurn(opencode, { text: 'Say hello' })
 *   turn.replies$.subscribe((reply) => console.log(reply))
 * }
 */
export function startTurn<S extends ObjectSchema | undefined = undefined>(
  actor: ServerActorRef,
  input: string | TurnInput<S>,
  conversation?: Conversation,
): Turn<InferOutput<S>> {
  return startTurnOn(actor, input, { access: accessTo(actor), conversation })
}

/** Terms of a turn: the way to its server later on, its conversation, and its id. */
interface TurnTerms {
  access: ServerAccess
  conversation?: Conversation | undefined
  /** Id of the turn; the id of the input, or a new id, if absent. */
  id?: string | undefined
  /** Requests the turn of the machine that decides when the turn runs: of the server, if absent. */
  request?: ((turn: Omit<RequestedTurn, 'isOperation'>) => void) | undefined
}

/**
 * Runs a turn on a server machine, for {@link startTurn} and for the agents of a fleet. Never throws.
 *
 * @internal
 */
export function startTurnOn<S extends ObjectSchema | undefined = undefined>(
  actor: ServerActorRef,
  input: string | TurnInput<S>,
  { access, conversation, id = turnIdOf(input), request }: TurnTerms,
): Turn<InferOutput<S>> {
  const { status, context } = actor.getSnapshot()
  const runtime = runtimeOf(context.runtime)
  if (id !== undefined && runtime.entry(id)) return endedTurn(input, idInUse(id))
  const record = recordOf(context.options, runtime, input, {
    conversation,
    id,
    now: clockOf(actor.system).now,
  })
  const turn = turnHandle<InferOutput<S>>(record, access, () => {
    // The turns of a closed server have ended, or end now.
    if (actor.getSnapshot().status === 'active') actor.send({ type: 'turn.cancel', turnId: record.id })
  })
  if (record.isDone) return turn
  if (status !== 'active') {
    record.emit(errorReply(record, 'cancelled', 'The server was closed'))
    return turn
  }
  observeEnd(actor, runtime)
  runtime.register(record)
  const { id: turnId, plan } = record
  const requested = { turnId, conversationId: record.conversation.key, priority: plan.priority }
  if (request) request(requested)
  else actor.send({ type: 'turn.start', ...requested })
  return turn
}

/**
 * Returns the access to one actor.
 *
 * @internal
 */
export function accessTo(actor: ServerActorRef): ServerAccess {
  const access: ServerAccess = {
    use: async (act) => await act(actor),
    turn: (input, conversationOf) =>
      startTurnOn(actor, input, { access, conversation: conversationOf?.(actor) }),
  }
  return access
}

/** Terms of a turn that ends before it reaches a server: its end, and its id. */
interface EndedTerms {
  code: TurnErrorCode
  error: string
  retryable?: boolean
  id?: string | undefined
}

/**
 * Returns a turn that has ended before it reached a server.
 *
 * @internal
 */
export function endedTurn<T>(input: unknown, { id, code, error, retryable }: EndedTerms): Turn<T> {
  const { values } = noServer()
  const { plan } = planTurn({ text: '-', model: '-' }, values)
  const record = new TurnRecord(
    { ...plan, model: '', traceId: traceOf(input) },
    new Conversation({ key: '' }),
    0,
    values.maxReplayBytes,
    id ?? turnIdOf(input),
  )
  record.emit({ ...errorReply(record, code, error), ...(retryable !== undefined && { retryable }) })
  const access: ServerAccess = {
    use: () => Promise.reject(new StoppedError('The turn never reached a server')),
    turn: (other) => endedTurn(other, { code, error }),
  }
  return turnHandle<T>(record, access, () => undefined)
}

/** Options for a turn that reaches no server; compiled once, because an unknown agent may be asked often. */
const noServer = lazily(() =>
  compileOptions({ home: '/', proxy: { baseURL: 'http://127.0.0.1', apiKey: '-' }, models: ['-'] }),
)

function recordOf(
  options: CompiledOptions,
  runtime: Runtime,
  input: string | TurnInput,
  { conversation: given, id, now }: Omit<TurnTerms, 'access'> & { now: () => number },
): TurnRecord {
  const { values } = options
  const follow = (record: TurnRecord): void => {
    attachHooks(runtime, options)
    runtime.follow(record, now)
  }
  try {
    const { plan, sessionId } = planTurn(input, values)
    const conversation = given ?? conversationOf(runtime, sessionId)
    const record = new TurnRecord(plan, conversation, now(), values.maxReplayBytes, id)
    follow(record)
    for (const message of unknownTools(plan.hidden, Object.keys(values.hostTools))) runtime.warn(message)
    return record
  } catch (error) {
    const { plan } = planTurn({ text: '-', model: '-' }, values)
    const record = new TurnRecord(
      { ...plan, model: '', traceId: traceOf(input) },
      new Conversation({ key: '' }),
      now(),
      values.maxReplayBytes,
      id,
    )
    follow(record)
    const message = messageOf(error)
    record.emit(errorReply(record, 'rejected', options.secrets.mask(message)))
    return record
  }
}

function conversationOf(runtime: Runtime, sessionId: string | undefined): Conversation {
  if (sessionId !== undefined) return runtime.conversationOf(sessionId)
  return new Conversation({ key: crypto.randomUUID() })
}

function errorReply({ plan }: TurnRecord, code: TurnErrorCode, error: string): ErrorReply {
  return {
    kind: 'error',
    trace_id: plan.traceId,
    error: firstLine(error),
    code,
    retryable: false,
  }
}
