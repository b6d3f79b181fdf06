import type { Observable } from 'rxjs'
import type { Turn } from '../../../src/api/turn-handle.ts'
import type { AgentKey } from '../../../src/cluster/store/cluster-store.ts'
import { OpenCodeRuntimeError, RequestClosedError } from '../../../src/errors.ts'
import { isTerminal, type Reply, type RequestAnswer, type TerminalReply } from '../../../src/replies.ts'

/** Way in which a caller got a handle. */
export interface HandleOrigin {
  /** Agent to which the turn was sent; `undefined` for a caller that has attached. */
  readonly agent?: AgentKey
  readonly deadlineMs: number | null
  /** Time at which the caller got the handle, in ms of the walk. */
  readonly at: number
}

/** Answer of a caller to a request, with what the caller was told of it. */
export interface GivenAnswer {
  readonly requestId: string
  told: 'nothing' | 'taken' | 'closed' | 'failed'
}

/** Names of the observables of a handle, which complete with the turn. */
const observables = ['replies$', 'requests$', 'openRequests$', 'status$', 'todos$'] as const

/** Handle of a turn, with all that its caller has seen. */
export class WalkedHandle {
  readonly turn: Turn
  readonly origin: HandleOrigin
  readonly replies: Reply[] = []
  readonly states: string[] = []
  readonly requests: string[] = []
  readonly answers: GivenAnswer[] = []
  readonly problems: string[] = []
  open: string[] = []
  end: { reply: TerminalReply; at: number } | undefined
  /** Time at which the caller has cancelled the turn. */
  cancelledAt: number | undefined
  readonly #completed = new Set<string>()
  #isDone = false

  constructor(turn: Turn, origin: HandleOrigin, now: () => number) {
    this.turn = turn
    this.origin = origin
    for (const name of observables)
      (turn[name] as Observable<unknown>).subscribe({
        next: () => {
          if (this.#completed.has(name)) this.problems.push(`${name} emits after its end`)
        },
        error: () => this.problems.push(`${name} errors`),
        complete: () => this.#completed.add(name),
      })
    turn.replies$.subscribe((reply) => {
      if (this.end) this.problems.push(`a ${reply.kind} after the end`)
      this.replies.push(reply)
      if (isTerminal(reply)) this.end = { reply, at: now() }
    })
    turn.status$.subscribe(({ state }) => this.states.push(state))
    turn.requests$.subscribe(({ id }) => this.requests.push(id))
    turn.openRequests$.subscribe((list) => (this.open = list.map(({ request }) => request.id)))
    void turn.done.then((reply) => {
      this.#isDone = true
      if (reply !== this.end?.reply) this.problems.push('`done` is another reply than the last one')
    })
  }

  get id(): string {
    return this.turn.id
  }

  /** Replies without the terminal one. */
  get told(): readonly Reply[] {
    return this.replies.filter((reply) => !isTerminal(reply))
  }

  cancel(now: number): void {
    if (!this.end) this.cancelledAt ??= now
    this.turn.cancel()
  }

  answer(requestId: string, answer: RequestAnswer): void {
    const given: GivenAnswer = { requestId, told: 'nothing' }
    this.answers.push(given)
    this.turn.answer(requestId, answer).then(
      () => (given.told = 'taken'),
      (error: unknown) => {
        given.told = error instanceof RequestClosedError ? 'closed' : 'failed'
        if (!(error instanceof OpenCodeRuntimeError))
          this.problems.push(`an answer rejects: ${String(error)}`)
      },
    )
  }

  /** Returns what is wrong with a handle whose turn must be over. */
  faultsAtEnd(): string[] {
    const faults = [...this.problems]
    if (!this.end) return [...faults, 'has no end']
    for (const name of observables) if (!this.#completed.has(name)) faults.push(`${name} does not complete`)
    if (!this.#isDone) faults.push('`done` does not resolve')
    if (this.states.at(-1) !== 'done') faults.push(`the last state is ${this.states.at(-1) ?? 'none'}`)
    if (this.open.length > 0 || this.turn.openRequests.length > 0) faults.push('has open requests')
    const waiting = this.answers.filter(({ told }) => told === 'nothing')
    if (waiting.length > 0) faults.push(`answers wait: ${waiting.map(({ requestId }) => requestId).join()}`)
    const again: Reply[] = []
    this.turn.replies$.subscribe((reply) => again.push(reply))
    if (JSON.stringify(again) !== JSON.stringify(this.replies))
      faults.push('a late reader sees other replies')
    return faults
  }
}
