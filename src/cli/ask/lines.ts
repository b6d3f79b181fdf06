import { createInterface, type Interface } from 'node:readline'
import { onAbort } from '../../util/abort-signal.ts'

/** Error for a line that does not come: the request was closed, or stdin has ended. */
export class NoLineError extends Error {
  override readonly name = 'NoLineError'
  readonly reason: 'closed' | 'stdin ended'

  constructor(reason: NoLineError['reason']) {
    super(reason)
    this.reason = reason
  }
}

/**
 * Lines that a person types. A line that was typed before it is asked for is dropped, so that it cannot answer
 * a request that the person has not seen.
 * The terminal stays in its usual mode: it edits the line, and Ctrl-C is a signal.
 */
export class TypedLines implements Disposable {
  readonly #interface: Interface
  #take: ((line: string) => void) | undefined
  readonly #ended = new AbortController()

  constructor(stdin: NodeJS.ReadableStream) {
    this.#interface = createInterface({ input: stdin, terminal: false })
    this.#interface.on('line', (line) => this.#take?.(line))
    this.#interface.on('close', () => this.#ended.abort())
  }

  /**
   * Resolves with the next line that is typed from now on.
   * @throws NoLineError when the signal aborts, or stdin ends
   */
  async next(signal: AbortSignal): Promise<string> {
    if (signal.aborted) throw new NoLineError('closed')
    if (this.#ended.signal.aborted) throw new NoLineError('stdin ended')
    const stops: (() => void)[] = []
    try {
      return await new Promise((resolve, reject) => {
        this.#take = resolve
        stops.push(
          onAbort(signal, () => reject(new NoLineError('closed'))),
          onAbort(this.#ended.signal, () => reject(new NoLineError('stdin ended'))),
        )
      })
    } finally {
      this.#take = undefined
      for (const stop of stops) stop()
    }
  }

  /** Stops reading, so that stdin keeps no process alive. */
  [Symbol.dispose](): void {
    this.#interface.close()
  }
}
