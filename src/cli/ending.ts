import { exitCode } from './exit-codes.ts'

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** The signals that end the command. */
export type EndSignal = (typeof signals)[number]

/**
 * A second signal within this time is the first one again: npm passes Ctrl-C on to a child that the terminal has told
 * already.
 */
const sameSignalMs = 300

/**
 * Whether the command was asked to end, from the moment this is made: by a signal, or because the reader of stdout left.
 * A second signal asks for the end at once; a third ends the process itself. `dispose` gives the signals back.
 */
export class Ending implements Disposable {
  /** What asked first. */
  cause: EndSignal | 'reader left' | undefined
  /** Resolves when the command was asked to end. */
  readonly isAsked: Promise<void>
  readonly #asked = new AbortController()
  readonly #forced = new AbortController()
  readonly #source: NodeJS.EventEmitter
  readonly #now: () => number
  #at = -Infinity

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
    return this.cause === 'reader left' ? exitCode.final : exitCode[this.cause]
  }

  [Symbol.dispose](): void {
    for (const signal of signals) this.#source.off(signal, this.#onSignal)
  }

  /** Nobody reads stdout any more. */
  readonly readerLeft = (): void => this.#ask('reader left')

  readonly #onSignal = (signal: EndSignal): void => {
    const isSame = this.#now() - this.#at < sameSignalMs
    if (isSame) return
    this.#at = this.#now()
    if (this.forced.aborted) process.exit(exitCode[signal])
    if (this.cause !== undefined && this.cause !== 'reader left') return this.#forced.abort()
    this.cause = undefined
    this.#ask(signal)
  }

  #ask(cause: EndSignal | 'reader left'): void {
    this.cause ??= cause
    this.#asked.abort()
  }
}
