import type { AnyActorRef } from 'xstate'
import type { NamedDirectory } from '../io/home/real-directory.ts'
import type { Lifeline } from '../io/process/lifeline.ts'
import type { ProcessEvents, ServerProcess } from '../io/process/server-process.ts'
import type { SpawnPlan } from '../io/process/spawn-plan.ts'
import type { CompiledOptions } from '../config/compiled-options.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import type { ServerConnection } from './server/connection.ts'
import { SharedHomeLock } from './server/shared-home-lock.ts'
import { Conversation } from './turn/conversation.ts'
import type { ServerHooks, ProbeOutcome } from './hooks.ts'
import { Operation } from './session/operation.ts'
import type { Mask } from './turn/reducer/failure.ts'
import type { TurnCause } from './turn/refusal.ts'
import type { TurnRecord } from './turn/turn-record.ts'

export type { ServerConnection } from './server/connection.ts'

/** Number of prompts whose turns are remembered. */
const maxPrompts = 1_000

/**
 * State beside one server machine that never enters the machine's context or events: handles, sockets, the
 * password, and the records of its turns by id.
 */
export class Runtime {
  readonly home = new SharedHomeLock()
  plan: SpawnPlan | undefined
  /** Path of the binary that the last start found. */
  binary: string | undefined
  /** Spawns the prepared server. */
  spawn: ((events: ProcessEvents) => ServerProcess) | undefined
  /** Closes the endpoint of the host tools of the prepared spawn. */
  closeHostTools: (() => void) | undefined
  /** Promise that settles when the last preparation has stopped writing into the home; never rejects. */
  preparing: Promise<unknown> | undefined
  process: ServerProcess | undefined
  /** Limit of the life of the fleet's servers without news of the host; `undefined` for a server without a fleet. */
  lifeline: Lifeline | undefined
  connection: ServerConnection | undefined
  /** True if a warm-up reached the model; no further warm-up runs then. Not observed so far. */
  hasWarmUpReachedModel = false
  /** URL of the models' endpoint that answered last; `undefined` if no endpoint has answered yet. */
  answeringEndpoint: string | undefined
  /** True if a subscription ends the turns with the actor, also turns that the actor does not know yet. */
  isEndObserved = false
  /** Options that were requested last; the machine may not have received them yet. */
  latestOptions: CompiledOptions
  /** Telemetry and logger; the api attaches them. */
  hooks: readonly ServerHooks[] | undefined
  readonly turns = new Map<string, TurnRecord>()
  readonly operations = new Map<string, Operation>()
  /** Ids of turns by the ids of their prompts, for the histories of sessions; only of the latest prompts. */
  readonly turnIds = new Map<string, string>()
  /**
   * Directories that turns have used, as the server names them: a server reports status and requests per
   * directory.
   */
  readonly directories = new Set<string>()
  /** Promises that settle when an aborted turn's directory is usable again; they never reject. */
  readonly healing = new Map<string, Promise<unknown>>()
  readonly #conversations = new Map<string, Conversation>()
  readonly #warnings = new Set<string>()

  constructor(options: CompiledOptions) {
    this.latestOptions = options
  }

  /** Records the turn of a prompt. */
  prompted(messageId: string, turnId: string): void {
    this.turnIds.set(messageId, turnId)
    const [oldest] = this.turnIds.keys()
    if (this.turnIds.size > maxPrompts && oldest !== undefined) this.turnIds.delete(oldest)
  }

  /** Reports the machine to the hooks. */
  started(actor: AnyActorRef): void {
    this.#call((hooks) => hooks.onMachine?.(actor))
  }

  /** Reports a turn to the hooks, before any other report about the turn. */
  follow(record: TurnRecord, now: () => number): void {
    record.hooks = this.#call((hooks) => hooks.onTurn?.(record, now)).filter((hooks) => hooks !== undefined)
  }

  /** Reports a condition that needs a user's attention to the hooks, once per message. */
  warn(message: string): void {
    if (this.#warnings.has(message)) return
    this.#warnings.add(message)
    this.#call((hooks) => hooks.onWarning?.(message))
  }

  /** Reports the end of a probe to the hooks, with its duration in ms. */
  probed(ms: number, outcome: ProbeOutcome): void {
    this.#call((hooks) => hooks.onProbe?.(ms, outcome))
  }

  #call<T>(report: (hooks: ServerHooks) => T): (T | undefined)[] {
    return (this.hooks ?? []).map((hooks) => ignoreErrors(() => report(hooks)))
  }

  /**
   * Returns the conversation of a session id; all turns that name the session share the conversation while
   * any of them lives.
   */
  conversationOf(sessionId: string, named?: NamedDirectory): Conversation {
    const conversation =
      this.#conversations.get(sessionId) ?? new Conversation({ key: crypto.randomUUID(), sessionId, named })
    this.#conversations.set(sessionId, conversation)
    return conversation
  }

  /** Returns the conversation that the turns of a session share now, which may be another object than the given one. */
  current(conversation: Conversation): Conversation {
    const { sessionId } = conversation
    return sessionId === undefined ? conversation : (this.#conversations.get(sessionId) ?? conversation)
  }

  /** Returns whether another turn than this one may have work in a directory. */
  isUsed(directory: string, { id }: TurnRecord): boolean {
    return [...this.turns.values()].some(
      (turn) =>
        turn.id !== id && !turn.isDone && turn.wasPrompted && turn.conversation.directory === directory,
    )
  }

  /** Returns a waiting or running turn, or an operation of a session. */
  entry(id: string): TurnRecord | Operation | undefined {
    return this.turns.get(id) ?? this.operations.get(id)
  }

  register(entry: TurnRecord | Operation): void {
    if (entry instanceof Operation) this.operations.set(entry.id, entry)
    else this.turns.set(entry.id, entry)
    entry.conversation.turns++
    this.joined(entry.conversation)
  }

  /** Records the session of a conversation, so that turns that name the session join the conversation. */
  joined(conversation: Conversation): void {
    if (conversation.sessionId !== undefined) this.#conversations.set(conversation.sessionId, conversation)
  }

  /** Returns whether the server is known to be idle: no turn or operation lives, and its event stream reports no work. */
  get isQuiet(): boolean {
    return this.turns.size + this.operations.size === 0 && this.connection?.router.isQuiet === true
  }

  /** Ends a turn or an operation for a local reason, unless it is done or unknown, and releases it. */
  end(turnId: string, cause: TurnCause, mask: Mask): void {
    const entry = this.entry(turnId)
    entry?.fail(cause, mask)
    if (entry) this.release(entry)
  }

  /** Releases a turn or an operation that is done, and the conversation with its last turn. */
  release({ id, conversation }: TurnRecord | Operation): void {
    if (!this.turns.delete(id) && !this.operations.delete(id)) return
    conversation.turns--
    if (conversation.turns === 0 && conversation.sessionId !== undefined)
      this.#conversations.delete(conversation.sessionId)
  }
}

let open: (handle: RuntimeHandle) => Runtime

/**
 * Opaque handle of a {@link Runtime} in a machine's context, passed to actors as input.
 *
 * @remarks The context factory makes the handle. Inspectors and `JSON.stringify` do not see the runtime
 * behind it.
 */
export class RuntimeHandle {
  readonly #runtime: Runtime

  constructor(options: CompiledOptions) {
    this.#runtime = new Runtime(options)
  }

  static {
    open = (handle) => handle.#runtime
  }
}

/** Returns the runtime behind a machine's handle. */
export const runtimeOf = (handle: RuntimeHandle): Runtime => open(handle)

/** Input of each actor of a server machine. */
export interface ServerInput {
  options: CompiledOptions
  runtime: RuntimeHandle
}
