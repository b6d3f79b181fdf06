import { ApiError, failureOf } from '../api/client.ts'
import { retryDelay } from './retry.ts'
import { messagesOf, type Message } from './sse.ts'

/** State of a stream. */
export type StreamState =
  | { state: 'connecting'; attempt: number }
  /** `clockOffset` is the difference between the clock of the gateway and that of the browser, in ms. */
  | { state: 'live'; clockOffset: number }
  | { state: 'waiting'; attempt: number; retryAt: number; error: ApiError }
  /** The gateway refuses the stream, so that another attempt would not help. */
  | { state: 'refused'; error: ApiError }

/** Stream to read, and what gets its events. */
export interface StreamTerms {
  url: string
  /** Id of the last event that the reader has. */
  lastId?: string | undefined
  /** Gets the events of a chunk, in order, each once. */
  onMessages: (messages: readonly Message[]) => void
  onState: (state: StreamState) => void
}

/** Longest silence of a gateway that lives, in ms; the gateway sends a comment every 15 s. */
const silenceMs = 40_000

/**
 * Stream of server-sent events that is joined again after each break, from the last event on. It is read by `fetch`
 * and not by `EventSource`, which tells no status code, and which cannot begin after a given event.
 */
export class JoinedStream {
  readonly #terms: StreamTerms
  readonly #over = new AbortController()
  #lastId: string | undefined
  /** Number of attempts that have failed since the last success. */
  #attempt = 0
  #wake: (() => void) | undefined

  constructor(terms: StreamTerms) {
    this.#terms = terms
    this.#lastId = terms.lastId
  }

  /** Begins to read. */
  start(): this {
    void this.#run()
    return this
  }

  /** Ends the stream. */
  stop(): void {
    this.#over.abort()
    this.#wake?.()
  }

  /** Makes the next attempt now. */
  retry(): void {
    this.#wake?.()
  }

  async #run(): Promise<void> {
    for (; !this.#isOver(); this.#attempt += 1) {
      this.#terms.onState({ state: 'connecting', attempt: this.#attempt })
      const error = await this.#join()
      if (this.#isOver()) return
      if (isFinal(error)) {
        this.#terms.onState({ state: 'refused', error })
        return
      }
      await this.#pause(this.#attempt, error)
    }
  }

  /** Reads the stream until a break, and resolves with its reason. */
  async #join(): Promise<ApiError> {
    const silence = new Silence()
    try {
      const response = await fetch(this.#terms.url, {
        headers: {
          accept: 'text/event-stream',
          ...(this.#lastId !== undefined && { 'last-event-id': this.#lastId }),
        },
        cache: 'no-store',
        signal: AbortSignal.any([this.#over.signal, silence.signal]),
      })
      if (!response.ok || !response.body) return await failureOf(response)
      this.#terms.onState({ state: 'live', clockOffset: clockOffsetOf(response) })
      for await (const messages of messagesOf(response.body)) {
        if (this.#isOver()) break
        silence.restart()
        this.#take(messages)
      }
      return new ApiError(0, 'The gateway has ended the connection')
    } catch (error) {
      return new ApiError(0, 'The gateway does not answer', undefined, { cause: error })
    } finally {
      silence.end()
    }
  }

  #take(messages: readonly Message[]): void {
    this.#attempt = 0
    if (messages.length === 0) return
    this.#lastId = messages.findLast(({ id }) => id !== undefined)?.id ?? this.#lastId
    this.#terms.onMessages(messages)
  }

  async #pause(attempt: number, error: ApiError): Promise<void> {
    const delay = Math.max(retryDelay(attempt), error.problem?.retry_after_ms ?? 0)
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#terms.onState({ state: 'waiting', attempt, retryAt: Date.now() + delay, error })
    await over
    this.#wake = undefined
  }

  #isOver(): boolean {
    return this.#over.signal.aborted
  }
}

/** Difference of two clocks that is no more than the way and the whole seconds of the header, in ms. */
const sameClockMs = 2_000

function clockOffsetOf({ headers }: Response): number {
  const offset = Date.parse(headers.get('date') ?? '') - Date.now()
  return Math.abs(offset) > sameClockMs ? offset : 0
}

/** Returns whether the gateway has refused the request, so that the same request would be refused again. */
const isFinal = ({ status }: ApiError): boolean => status >= 400 && status < 500 && status !== 429

/** Signal that aborts after a silence. */
class Silence {
  readonly #controller = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    this.restart()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  restart(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#controller.abort(), silenceMs)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
