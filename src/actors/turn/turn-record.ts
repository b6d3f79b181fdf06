import { ReplaySubject } from 'rxjs'
import type { PromptPart } from '../../io/opencode/client.ts'
import type { PermissionPolicy, QuestionPolicy } from '../../config/options.ts'
import type { SchemaInput } from '../../config/schema-input.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { addUsage, isTerminal, noUsage, type Reply, type TerminalReply, type Usage } from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import type { Mask } from './reducer/failure.ts'
import { newMessageId } from './message-id.ts'
import { errorReply, type TurnCause } from './refusal.ts'
import type { Conversation } from './conversation.ts'
import type { NamedModel } from './model.ts'
import type { TurnHooks } from '../hooks.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import { TurnRequests } from './requests.ts'
import { TurnTodos } from './todos.ts'

/** State of a turn. */
export type TurnState =
  | { state: 'queued' | 'waitingForServer' | 'running' | 'done' }
  | { state: 'retrying'; attempt: number; message: string; /** epoch ms */ nextAt: number }
  | { state: 'resyncing' }

/** State of a turn, with the time since which the turn is in that state (epoch ms). */
export type TurnStatus = { at: number } & TurnState

/** Validated input of a turn, with the server's defaults filled in. */
export interface TurnPlan {
  traceId: string | null
  /** Priority in a fleet, from 0 to 9. */
  priority: number
  /** Agent of a fleet whose turn this is, and its tenant; `undefined` for a server of its own. */
  owner: { agentId: string; tenant: string } | undefined
  /** True to send the prompt again after the server died, if the turn had produced only text. */
  resume: boolean
  title: string
  directory: string | undefined
  model: NamedModel
  agent: string | undefined
  system: string | undefined
  variant: string | undefined
  parts: PromptPart[]
  /** Schema of the answer; `undefined` for an answer in words. */
  output: SchemaInput | undefined
  deadlineMs: number
  stallMs: number
  maxRetries: number
  requestTimeoutMs: number
  onPermission: PermissionPolicy
  onQuestion: QuestionPolicy
  signal: AbortSignal | undefined
  /** Names of the tools that the turn hides. */
  hidden: readonly string[]
  /** Value for the host tools. */
  context: unknown
}

/** Data and outputs of a turn, kept beside the machine and keyed by the turn's id. */
export class TurnRecord {
  readonly id: string
  /**
   * Id of the user message, new for each attempt. The client sets the id, so that the answers with this id as
   * parent belong to this turn.
   */
  messageId = newMessageId()
  /** Ids of all user messages of the turn so far. */
  readonly messageIds = [this.messageId]
  /** Id of the attempt's first user message. */
  firstMessageId = this.messageId
  /** Number of further prompts of the turn, after its first one. */
  followUps = 0
  /** Message of an attempt whose server died; the session is reverted to the state before this message. */
  revertTo: string | undefined
  /** True if the prompt may have reached a server. */
  wasPrompted = false
  /** Number of resumed attempts. */
  resumes = 0
  readonly requests: TurnRequests
  readonly todos = new TurnTodos()
  readonly status$ = new ReplaySubject<TurnStatus>()
  readonly done = deferred<TerminalReply>()
  readonly sessionId = deferred<string | undefined>()
  readonly replay: ReplayBuffer
  readonly plan: TurnPlan
  readonly conversation: Conversation
  /** Time of the request and of the deadline, in ms of the system's clock. */
  readonly startedAt: number
  readonly deadlineAt: number
  /** Hooks that receive the turn's events. */
  hooks: readonly TurnHooks[] = []
  usage: Usage = noUsage()
  /** Value of the answer, as the schema of the plan returns it; `undefined` until an answer fits. */
  output: { value: unknown } | undefined
  isDone = false
  #spentBefore: Usage = noUsage()
  #counted: Usage | undefined
  #calledTool = false
  #awaitsFirstDelta = true

  /** @param id - id of the turn */
  constructor(
    plan: TurnPlan,
    conversation: Conversation,
    startedAt: number,
    maxReplayBytes: number,
    id: string = crypto.randomUUID(),
  ) {
    this.id = id
    this.plan = plan
    this.conversation = conversation
    this.startedAt = startedAt
    this.deadlineAt = startedAt + plan.deadlineMs
    this.replay = new ReplayBuffer(maxReplayBytes)
    this.requests = new TurnRequests({ turnId: this.id, traceId: plan.traceId, ...plan.owner })
  }

  /** Emits the turn's new state. */
  setStatus(state: TurnState): void {
    if (this.isDone) return
    this.status$.next({ at: Date.now(), ...state })
    this.#callHooks((observer) => observer.onState?.(state))
  }

  /**
   * Emits a reply to all subscribers. The terminal reply completes the turn, and later replies are dropped.
   */
  emit(reply: Reply): void {
    if (this.isDone) return
    const isLast = isTerminal(reply)
    this.isDone = isLast
    if (reply.kind === 'tool_call') this.#calledTool = true
    this.replay.push(reply)
    if (this.#awaitsFirstDelta && reply.kind === 'delta') {
      this.#awaitsFirstDelta = false
      this.#callHooks((hooks) => hooks.onFirstDelta?.())
    }
    if (!isLast) return
    this.status$.next({ at: Date.now(), state: 'done' })
    this.replay.complete()
    this.requests.complete()
    this.todos.complete()
    this.status$.complete()
    this.sessionId.resolve(this.conversation.sessionId)
    this.#callHooks((hooks) => hooks.onEnd?.(reply))
    this.done.resolve(reply)
  }

  /**
   * Returns whether the turn may be sent (again) after its server died: the prompt was not sent yet, or the
   * turn allows a resume and has produced only text.
   */
  get canResume(): boolean {
    if (this.isDone || !this.wasPrompted) return !this.isDone
    return this.plan.resume && !this.#calledTool && this.resumes < maxResumes
  }

  #callHooks(report: (hooks: TurnHooks) => void): void {
    for (const hooks of this.hooks) ignoreErrors(() => report(hooks))
  }

  /** Prepares the record for another attempt. */
  renew(): void {
    this.resumes++
    this.wasPrompted = false
    this.revertTo = this.firstMessageId
    this.#renewMessageId()
    this.firstMessageId = this.messageId
    this.#spentBefore = this.usage
  }

  /** Prepares the record for a further prompt of the attempt. */
  followUp(): void {
    this.followUps++
    this.#renewMessageId()
  }

  #renewMessageId(): void {
    this.messageId = newMessageId()
    this.messageIds.push(this.messageId)
  }

  /** Adds the usage of the current attempt. The caller passes another object if the usage has changed. */
  count(usage: Usage | undefined): void {
    if (usage === this.#counted) return
    this.#counted = usage
    this.usage = addUsage(this.#spentBefore, usage ?? noUsage())
  }

  /** Ends a turn for a local reason. A turn that is done does not change. */
  fail(cause: TurnCause, mask: Mask): void {
    this.emit(errorReply(this.plan.traceId, cause, mask))
  }
}

/** Maximum number of resumes, so that a turn that crashes its server each time is not repeated without end. */
const maxResumes = 3
