import { concatMap, filter, lastValueFrom, merge } from 'rxjs'
import type { Turn } from '../../api/turn.ts'
import { InvalidOptionsError, OpenCodeRuntimeError, RequestClosedError } from '../../errors.ts'
import type { InputRequest, Reply, RequestAnswer } from '../../replies.ts'
import type { Screen } from '../screen.ts'
import type { View } from '../view.ts'
import type { Form } from './form.ts'
import { NoLineError, type TypedLines } from './lines.ts'
import { askPermission } from './permission-form.ts'
import { askQuestions } from './question-form.ts'
import { visible } from './visible.ts'

/** Asks a person at the terminal for the answers to the requests of a turn, one after another. */
export class Asker implements Disposable {
  readonly #screen: Screen
  readonly #view: View
  readonly #lines: TypedLines

  constructor(screen: Screen, view: View, lines: TypedLines) {
    this.#screen = screen
    this.#view = view
    this.#lines = lines
  }

  /**
   * Shows the replies and asks the requests of a turn in their order, until the turn's end. Replies wait while
   * a person is asked, so that no output mixes with the typed line.
   */
  async follow(turn: Turn, show: (reply: Reply) => Promise<void>): Promise<void> {
    const waits = ({ id }: InputRequest): boolean =>
      turn.openRequests.some(({ request }) => request.id === id)
    const steps$ = merge(turn.requests$.pipe(filter(waits)), turn.replies$)
    const step = (next: InputRequest | Reply): Promise<void> =>
      'kind' in next ? show(next) : this.#ask(turn, next)
    await lastValueFrom(steps$.pipe(concatMap(step)))
  }

  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]()
  }

  /** Asks for the answer to one request until the answer fits, unless the request is closed first. */
  async #ask(turn: Turn, request: InputRequest): Promise<void> {
    const closed = new AbortController()
    const isOpen$ = turn.openRequests$.subscribe((open) => {
      if (!open.some(({ request: { id } }) => id === request.id)) closed.abort()
    })
    try {
      while (!(await this.#askOnce(turn, request, closed.signal)));
    } finally {
      isOpen$.unsubscribe()
    }
  }

  /** Asks once for the answer to a request. Resolves with `false` if the answer does not fit, such as a blank label. */
  async #askOnce(turn: Turn, request: InputRequest, closed: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#answerTo(request, closed)
      await turn.answer(request.id, answer)
      this.#view.answered(request, textOf(answer))
      return true
    } catch (error) {
      this.#view.answered(request, reasonOf(error))
      return !(error instanceof InvalidOptionsError)
    }
  }

  /** Resolves with the person's answer; a rejection if stdin has ended. */
  async #answerTo(request: InputRequest, closed: AbortSignal): Promise<RequestAnswer> {
    if (closed.aborted) throw new NoLineError('closed')
    const form = this.#form(closed)
    try {
      return await (request.type === 'permission'
        ? askPermission(request, form)
        : askQuestions(request, form))
    } catch (error) {
      void this.#screen.line()
      if (error instanceof NoLineError && error.reason === 'stdin ended') return 'reject'
      throw error
    }
  }

  #form(closed: AbortSignal): Form {
    const { paint } = this.#screen
    return {
      show: (line) => void this.#screen.line(`${paint('yellow', '?')} ${line}`),
      ask: async (prompt) => {
        void this.#screen.prompt(`${paint('yellow', '?')} ${paint('bold', prompt)}`)
        return this.#lines.next(closed)
      },
    }
  }
}

/** Returns the reason why a request did not get the person's answer. @throws an error that is none of these */
function reasonOf(error: unknown): string {
  if (error instanceof NoLineError || error instanceof RequestClosedError)
    return 'closed without an answer here'
  if (error instanceof OpenCodeRuntimeError) return `not answered: ${error.message}`
  throw error
}

/** Returns an answer as the log shows it. */
function textOf(answer: RequestAnswer): string {
  if (typeof answer === 'string') return answer
  if ('reject' in answer) return `reject: ${visible(answer.reject)}`
  return answer.map((labels) => labels.map(visible).join(', ') || 'no answer').join(' / ')
}
