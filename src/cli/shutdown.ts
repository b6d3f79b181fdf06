import { exitCode } from './exit-codes.ts'
import type { Output } from './output.ts'

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Signal that ends the command. */
export type ShutdownSignal = (typeof signals)[number]

/** Cause of the end: a signal, a reader of stdout that left, or a stdout that cannot be written. */
export type ShutdownCause = ShutdownSignal | 'reader left' | 'not written'

/**
 * Time in ms within which a second signal counts as the first: npm passes Ctrl-C on to a child that the
 * terminal has already signalled.
 */
const sameSignalMs = 300

/**
 * Watches for a request to end the command, from construction on: a signal, or a stdout that accepts no more
 * output.
 * A second signal requests an immediate end. A third signal ends the process itself. `dispose` removes the
 * signal handlers.
 */
export class Shutdown implements Disposable {
  /**
   * First cause of the end, except that a signal replaces a failure of stdout; `undefined` before any
   * request.
   */
  cause: ShutdownCause | undefined
  /** Promise that resolves when the end is requested. */
  readonly whenRequested: Promise<void>
  readonly #requested = new AbortController()
  readonly #forced = new AbortController()
  readonly #source: NodeJS.EventEmitter
  readonly #now: () => number
  readonly #signals: readonly ShutdownSignal[]
  #at = -Infinity
  #isSignalled = false

  /** @param watched - signals that request the end; a daemon reads SIGHUP otherwise */
  constructor(
    source: NodeJS.EventEmitter = process,
    now: () => number = Date.now,
    watched: readonly ShutdownSignal[] = signals,
  ) {
    this.#source = source
    this.#now = now
    this.#signals = watched
    this.whenRequested = new Promise((resolve) =>
      this.requested.addEventListener('abort', () => resolve(), { once: true }),
    )
    for (const signal of watched) source.on(signal, this.#onSignal)
  }

  /** Signal that aborts when the end is requested. */
  get requested(): AbortSignal {
    return this.#requested.signal
  }

  /** Signal that aborts when the end is requested a second time. */
  get forced(): AbortSignal {
    return this.#forced.signal
  }

  /** Exit code for the cause; `undefined` while there is no cause. */
  get exitCode(): number | undefined {
    if (this.cause === undefined) return undefined
    if (this.cause === 'reader left') return exitCode.final
    return this.cause === 'not written' ? exitCode.notWritten : exitCode[this.cause]
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) this.#source.off(signal, this.#onSignal)
  }

  /** Ends the command when the output accepts no more: the rest of the answer would be paid for and lost. */
  watch(output: Output): void {
    output.onFailure(() => this.#request(output.hasReaderLeft ? 'reader left' : 'not written'))
  }

  readonly #onSignal = (signal: ShutdownSignal): void => {
    const isRepeat = this.#now() - this.#at < sameSignalMs
    if (isRepeat) return
    this.#at = this.#now()
    if (this.forced.aborted) process.exit(exitCode[signal])
    if (this.#isSignalled) return this.#forced.abort()
    this.#isSignalled = true
    this.cause = undefined
    this.#request(signal)
  }

  #request(cause: ShutdownCause): void {
    this.cause ??= cause
    this.#requested.abort()
  }
}
