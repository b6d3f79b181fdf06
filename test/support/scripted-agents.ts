import { BehaviorSubject, ReplaySubject, Subject } from 'rxjs'
import type { TurnStatus } from '../../src/actors/turn/turn-record.ts'
import type { TurnInput } from '../../src/api/turn-input.ts'
import type { AgentRunner, RunningTurn } from '../../src/cluster/agent-runner.ts'
import { keyOf, type AgentKey } from '../../src/cluster/store/cluster-store.ts'
import {
  noUsage,
  type InputRequest,
  type PendingRequest,
  type Reply,
  type TerminalReply,
  type Todo,
} from '../../src/replies.ts'
import { deferred } from '../../src/util/deferred.ts'

/** Turn that a test drives by hand. */
export class ScriptedTurn implements RunningTurn {
  readonly replies$ = new ReplaySubject<Reply>()
  readonly requests$ = new ReplaySubject<InputRequest>()
  readonly openRequests$ = new BehaviorSubject<PendingRequest[]>([])
  readonly todos$ = new ReplaySubject<Todo[]>(1)
  readonly status$ = new ReplaySubject<TurnStatus>()
  readonly #done = deferred<TerminalReply>()
  readonly #session = deferred<string | undefined>()
  readonly answers: [requestId: string, answer: unknown][] = []
  readonly agent: AgentKey
  readonly input: TurnInput
  usage = noUsage()
  isOver = false
  text = ''

  constructor(agent: AgentKey, input: TurnInput) {
    this.agent = agent
    this.input = input
    this.status$.next({ at: 0, state: 'running' })
  }

  get done(): Promise<TerminalReply> {
    return this.#done.promise
  }

  get sessionId(): Promise<string | undefined> {
    return this.#session.promise
  }

  get openRequests(): PendingRequest[] {
    return this.openRequests$.value
  }

  session(id: string): void {
    this.#session.resolve(id)
  }

  delta(content: string): void {
    if (this.isOver) return
    this.text += content
    this.replies$.next({ kind: 'delta', trace_id: this.#trace, content })
  }

  /** Emits a call of a tool, so that the turn is more than text. */
  tool(): void {
    if (!this.isOver)
      this.replies$.next({ kind: 'tool_call', trace_id: this.#trace, call_id: 'c1', tool: 'bash', args: {} })
  }

  ask(id: string, isOpen = true, times = { at: 0, expiresAt: 60_000 }): void {
    const request: InputRequest = {
      type: 'permission',
      id,
      sessionId: 'ses_1',
      child: false,
      permission: 'bash',
      patterns: ['ls'],
      metadata: {},
    }
    const turnId = this.input.turnId ?? ''
    const pending = { request, turnId, traceId: this.#trace, ...times }
    if (isOpen) this.openRequests$.next([...this.openRequests, pending])
    this.requests$.next(request)
  }

  async answer(requestId: string, answer: unknown): Promise<void> {
    this.answers.push([requestId, answer])
    this.openRequests$.next(this.openRequests.filter(({ request }) => request.id !== requestId))
    await Promise.resolve()
  }

  finish(): void {
    this.end({
      kind: 'final',
      trace_id: this.#trace,
      content: this.text,
      finish_reason: 'stop',
      usage: this.usage,
    })
  }

  cancel(): void {
    const { text } = this
    this.end({
      kind: 'error',
      trace_id: this.#trace,
      error: 'The turn was cancelled',
      code: 'cancelled',
      retryable: false,
      ...(text !== '' && { partial: text }),
    })
  }

  end(reply: TerminalReply): void {
    if (this.isOver) return
    this.isOver = true
    this.replies$.next(reply)
    this.openRequests$.next([])
    this.#session.resolve(undefined)
    this.#done.resolve(reply)
  }

  get #trace(): string | null {
    return this.input.traceId ?? null
  }
}

/** Limits of a host whose turns a test drives by hand. */
export interface ScriptedLimits {
  maxAgents?: number
  maxTurns?: number
  opencode?: string
  /** Most running turns of tenants over all hosts. */
  caps?: Readonly<Record<string, number>>
}

/** Agents of a host whose turns a test drives by hand. */
export class ScriptedAgents implements AgentRunner {
  readonly opencode: string
  readonly added$ = new Subject<AgentKey>()
  readonly maxAgents: number
  readonly maxTurns: number
  readonly turns: ScriptedTurn[] = []
  /** Agents that were opened and not closed. */
  readonly opened = new Set<string>()
  /** Called for each turn that begins, and each agent that is closed. */
  onTurn: (turn: ScriptedTurn) => void = () => undefined
  onClose: (agent: AgentKey) => void = () => undefined
  /** Called for each good renewal of the host's lease. */
  keepAlive: (ms: number) => void = () => undefined
  /** Error of each opening. */
  openingError: Error | undefined
  readonly #agents: readonly AgentKey[]
  readonly #caps: Readonly<Record<string, number>>

  constructor(
    agents: readonly AgentKey[],
    { maxAgents = 100, maxTurns = 100, opencode = '1.0.0', caps = {} }: ScriptedLimits = {},
  ) {
    this.#agents = agents
    this.#caps = caps
    this.maxAgents = maxAgents
    this.opencode = opencode
    this.maxTurns = maxTurns
  }

  /** Turns that run. */
  get running(): ScriptedTurn[] {
    return this.turns.filter(({ isOver }) => !isOver)
  }

  knows(agent: AgentKey): boolean {
    return this.#agents.some((other) => keyOf(other) === keyOf(agent))
  }

  capOf(tenant: string): number | undefined {
    return this.#caps[tenant]
  }

  async open(agent: AgentKey): Promise<void> {
    await Promise.resolve()
    if (this.openingError) throw this.openingError
    this.opened.add(keyOf(agent))
  }

  turn(agent: AgentKey, input: TurnInput): ScriptedTurn {
    const turn = new ScriptedTurn(agent, input)
    this.turns.push(turn)
    this.onTurn(turn)
    return turn
  }

  readonly deletedSessions: string[] = []

  async deleteSession(_agent: AgentKey, sessionId: string): Promise<void> {
    await Promise.resolve()
    this.deletedSessions.push(sessionId)
  }

  async close(agent: AgentKey): Promise<void> {
    await Promise.resolve()
    for (const turn of this.running) if (keyOf(turn.agent) === keyOf(agent)) turn.cancel()
    this.opened.delete(keyOf(agent))
    this.onClose(agent)
  }
}
