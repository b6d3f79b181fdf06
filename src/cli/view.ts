import type { TurnStatus } from '../actors/turn/turn-record.ts'
import type { Lifecycle, LifecycleState } from '../machines/lifecycle.ts'
import type { InputRequest, Reply } from '../replies.ts'
import {
  errorEntry,
  finalEntry,
  lifecycleEntry,
  requestEntry,
  statusEntry,
  toolCallEntry,
  toolResultEntry,
} from './log-entries.ts'
import type { Screen } from './screen.ts'

/** Options for showing a turn. */
export interface ViewOptions {
  /**
   * Mode. `text`: only the answer on `out`. `json`: only replies, as JSON, on `out`. `show`: everything on the log.
   */
  mode: 'text' | 'json' | 'show'
  /** True if the log gets only errors. */
  quiet?: boolean
  /** Answer to permission requests. */
  permission?: string
  /** Answer to questions. */
  question?: string
}

/** Label of the spinner in a state, until the first reply. */
const waitingFor: Partial<Record<LifecycleState, string>> = {
  configuring: 'opencode is starting',
  spawning: 'opencode is starting',
  probing: 'opencode is starting',
  healthy: 'the model is thinking',
  reaping: 'opencode is stopping',
}

/** Shows one turn and the server's lifecycle around the turn. */
export class View {
  readonly #screen: Screen
  readonly #options: ViewOptions
  /** Number of replies so far, by kind. */
  readonly counts: Record<Reply['kind'], number> = {
    delta: 0,
    reasoning: 0,
    tool_call: 0,
    tool_result: 0,
    final: 0,
    error: 0,
  }
  #state: LifecycleState = 'idle'
  #sessionId: string | undefined

  constructor(screen: Screen, options: ViewOptions) {
    this.#screen = screen
    this.#options = options
  }

  /** Shows a change of the lifecycle's state; ignores an update with only more facts about the same state. */
  lifecycle(lifecycle: Lifecycle): void {
    if (this.#options.quiet === true || lifecycle.state === this.#state) return
    this.#state = lifecycle.state
    void this.#screen.entry(lifecycleEntry(lifecycle))
    this.#screen.wait(waitingFor[lifecycle.state])
  }

  /** Adds the session's id to later lines of `json`; keeps the first id. */
  session(id: string | undefined): void {
    this.#sessionId ??= id
  }

  status(status: TurnStatus): void {
    const entry = statusEntry(status)
    if (entry && this.#options.quiet !== true) void this.#screen.entry(entry)
  }

  /** Shows a request and the answer of its policy; a request for a person is shown with the person's answer. */
  request(request: InputRequest): void {
    const { permission = 'reject', question = 'reject' } = this.#options
    const answer = request.type === 'permission' ? permission : question
    if (answer !== 'ask') this.answered(request, answer)
  }

  /** Shows a request and its answer. */
  answered(request: InputRequest, answer: string): void {
    if (this.#options.quiet !== true) void this.#screen.entry(requestEntry(request, answer))
  }

  /** Shows a reply. Resolves when the reply is written, as far as the reader allows. */
  async reply(reply: Reply): Promise<void> {
    const { mode, quiet } = this.#options
    this.counts[reply.kind]++
    this.#screen.wait(undefined)
    // The id follows the reply's own keys, so that a program for the six kinds can ignore it. JSON omits
    // `undefined`.
    if (mode === 'json') await this.#screen.record(JSON.stringify({ ...reply, session_id: this.#sessionId }))
    if (mode === 'text' && reply.kind === 'delta') await this.#screen.answer(reply.content)
    if (reply.kind === 'error') await this.#screen.entry(errorEntry(reply))
    else if (mode !== 'json' && quiet !== true) await this.#aside(reply)
  }

  async #aside(reply: Exclude<Reply, { kind: 'error' }>): Promise<void> {
    switch (reply.kind) {
      case 'reasoning':
        return this.#screen.stream(
          { mark: '◇', name: 'reasoning', text: reply.content, style: 'magenta' },
          'dim',
        )
      case 'tool_call':
        return this.#screen.entry(toolCallEntry(reply))
      case 'tool_result':
        return this.#screen.entry(toolResultEntry(reply))
      case 'final':
        return this.#screen.entry(finalEntry(reply))
      case 'delta':
        if (this.#options.mode !== 'show') return
        return this.#screen.stream({ mark: '◆', name: 'reply', text: reply.content, style: 'bold' })
    }
  }
}
