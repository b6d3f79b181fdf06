import { ReplaySubject } from 'rxjs'
import type { PromptPart } from '../../io/opencode/client.ts'
import type { PermissionPolicy, QuestionPolicy } from '../../config/options.ts'
import { quietly } from '../../util/quietly.ts'
import {
  addUsage,
  isTerminal,
  noUsage,
  type InputRequest,
  type Reply,
  type TerminalReply,
  type Usage,
} from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import { safeLine, type Mask } from './reducer/failure.ts'
import type { Lane } from './lane.ts'
import type { NamedModel } from './model.ts'
import type { TurnObserver } from '../observer.ts'
import { Replay } from './replay.ts'

/** What a turn is doing. */
export type TurnState =
  | { state: 'queued' | 'waitingForServer' | 'running' | 'done' }
  | { state: 'retrying'; attempt: number; message: string; /** epoch ms */ nextAt: number }
  | { state: 'resyncing' }

/** What a turn is doing, and since when (epoch ms). */
export type TurnStatus = { at: number } & TurnState

/** A turn's input, validated, with the server's defaults filled in. */
export interface TurnPlan {
  traceId: string | null
  /** Whether to ask again where the server dies and nothing but text had happened. */
  resume: boolean
  title: string
  directory: string | undefined
  model: NamedModel
  agent: string | undefined
  system: string | undefined
  parts: PromptPart[]
  deadlineMs: number
  stallMs: number
  maxRetries: number
  requestTimeoutMs: number
  onPermission: PermissionPolicy
  onQuestion: QuestionPolicy
  signal: AbortSignal | undefined
}

/** What a turn carries, and what it gives to those who follow it: beside the machine, keyed by its id. */
export class TurnRecord {
  readonly id = crypto.randomUUID()
  /** Ours, so that the answers that name it as their parent are this turn's. New for each attempt. */
  messageId = newMessageId()
  /** The message of an attempt that died with its server: the session is put back to before it. */
  revertTo: string | undefined
  /** Whether the prompt may have reached a server. */
  wasPrompted = false
  /** How often the turn was asked again. */
  resumes = 0
  readonly requests$ = new ReplaySubject<InputRequest>()
  readonly status$ = new ReplaySubject<TurnStatus>()
  readonly done = deferred<TerminalReply>()
  readonly sessionId = deferred<string | undefined>()
  readonly replay: Replay
  readonly plan: TurnPlan
  readonly lane: Lane
  /** Who is told of it. */
  observers: readonly TurnObserver[] = []
  usage: Usage = noUsage()
  isDone = false
  #spentBefore: Usage = noUsage()
  #counted: Usage | undefined
  #calledTool = false
  #isMute = true

  constructor(plan: TurnPlan, lane: Lane, maxReplayBytes: number) {
    this.plan = plan
    this.lane = lane
    this.replay = new Replay(maxReplayBytes)
  }

  /** Tells what the turn is doing now. */
  tell(state: TurnState): void {
    if (this.isDone) return
    this.status$.next({ at: Date.now(), ...state })
    this.#observe((observer) => observer.onState?.(state))
  }

  /** Gives a reply to all who follow; the terminal one completes the turn, whatever comes after is dropped. */
  give(reply: Reply): void {
    if (this.isDone) return
    const isLast = isTerminal(reply)
    this.isDone = isLast
    if (reply.kind === 'tool_call') this.#calledTool = true
    this.replay.push(reply)
    if (this.#isMute && reply.kind === 'delta') {
      this.#isMute = false
      this.#observe((observer) => observer.onFirstDelta?.())
    }
    if (!isLast) return
    this.status$.next({ at: Date.now(), state: 'done' })
    this.replay.complete()
    this.requests$.complete()
    this.status$.complete()
    this.sessionId.resolve(this.lane.sessionId)
    this.#observe((observer) => observer.onEnd?.(reply))
    this.done.resolve(reply)
  }

  /**
   * Whether it may be asked (again) after its server died: it was not asked yet, or it wants to be, and nothing but text
   * had happened.
   */
  get canResume(): boolean {
    if (this.isDone || !this.wasPrompted) return !this.isDone
    return this.plan.resume && !this.#calledTool && this.resumes < maxResumes
  }

  #observe(tell: (observer: TurnObserver) => void): void {
    for (const observer of this.observers) quietly(() => tell(observer))
  }

  /** Makes ready for another attempt. */
  renew(): void {
    this.resumes++
    this.wasPrompted = false
    this.revertTo = this.messageId
    this.messageId = newMessageId()
    this.#spentBefore = this.usage
  }

  /** Takes the usage of the present attempt, another object once it has changed. */
  count(usage: Usage | undefined): void {
    if (usage === this.#counted) return
    this.#counted = usage
    this.usage = addUsage(this.#spentBefore, usage ?? noUsage())
  }

  /** Ends a turn whose actor failed: a defect of ours. A turn that is done stays as it is. */
  fail(error: unknown, mask: Mask): void {
    const message = error instanceof Error ? error.message : 'The turn ended without a reply'
    this.give({
      kind: 'error',
      trace_id: this.plan.traceId,
      error: safeLine(mask(message)),
      code: 'internal',
      retryable: false,
    })
  }
}

/** A turn that takes its server down each time is not asked for ever. */
const maxResumes = 3

let counter = 0

/**
 * A message id in opencode's own form (1.18.33): 48 bits of time and counter, so that ids sort by age, then random.
 * It is unique for ever: the server's database takes each id once.
 */
function newMessageId(): string {
  counter = (counter + 1) % 4096
  const time = (BigInt(Date.now()) * 4096n + BigInt(counter)) & 0xffff_ffff_ffffn
  const random = [...crypto.getRandomValues(new Uint8Array(14))].map((byte) => base62[byte % 62]).join('')
  return `msg_${time.toString(16).padStart(12, '0')}${random}`
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
