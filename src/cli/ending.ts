import { exitCode } from './exit-codes.ts'
import type { Output } from './output.ts'

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** The signals that end the command. */
export type EndSignal = (typeof signals)[number]

/** The cause of the end: a signal, a reader of stdout that left, or a stdout that cannot be written. */
export type EndCause = EndSignal | 'reader left' | 'not written'

/**
 * A second signal within this time is the first one again: npm passes Ctrl-C on to a child that the terminal has told
 * already.
 */
const sameSignalMs = 300

/**
 * Watches for a request to end the command, from its construction on: a signal, or a stdout that accepts no more output.
 * A second signal asks for the end at once; a third ends the process itself. `dispose` gives the signals back.
 */
export class Ending implements Disposable {
  /** What asked first. */
  cause: EndCause | undefined
  /** Resolves when the command was asked to end. */
  readonly isAsked: Promise<void>
  readonly #asked = new AbortController()
  readonly #forced = new AbortController()
  readonly #source: NodeJS.EventEmitter
  readonly #now: () => number
  #at = -Infinity
  #isSignalled = false

  constructor(source: NodeJS.EventEmitter = process, now: () => number = Date.now) {
    this.#source = source
    this.#now = now
    this.isAsked = new Promise((resolve) =>
      this.asked.addEventListener('abort', () => resolve(), { once: true }),
    )
    for (const signal of signals) source.on(signal, this.#onSignal)
  }

  /** Aborts when the command was asked to end. */
  get asked(): AbortSignal {
    return this.#asked.signal
  }

  /** Aborts when it was asked again. */
  get forced(): AbortSignal {
    return this.#forced.signal
  }

  /** The exit code that the cause asks for; `undefined` while there is none. */
  get exitCode(): number | undefined {
    if (this.cause === undefined) return undefined
    if (this.cause === 'reader left') return exitCode.final
    return this.cause === 'not written' ? exitCode.notWritten : exitCode[this.cause]
  }

  [Symbol.dispose](): void {
    for (const signal of signals) this.#source.off(signal, this.#onSignal)
  }

  /** Ends the command when the output accepts no more: the rest of the answer would be paid for and lost. */
  watch(output: Output): void {
    output.onFailure(() => this.#ask(output.hasReaderLeft ? 'reader left' : 'not written'))
  }

  readonly #onSignal = (signal: EndSignal): void => {
    const isSame = this.#now() - this.#at < sameSignalMs
    if (isSame) return
    this.#at = this.#now()
    if (this.forced.aborted) process.exit(exitCode[signal])
    if (this.#isSignalled) return this.#forced.abort()
    this.#isSignalled = true
    this.cause = undefined
    this.#ask(signal)
  }

  #ask(cause: EndCause): void {
    this.cause ??= cause
    this.#asked.abort()
  }
}
