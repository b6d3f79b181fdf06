import type { Writable } from 'node:stream'

/** Stdout, stderr, or a replacement in tests. */
export type Sink = Writable & {
  /** True for a terminal; set only there, as are `columns` and `rows`. */
  isTTY?: boolean
  columns?: number
  rows?: number
  /** Waits until the disk has all data. @throws the system's error if the disk could not take all data. */
  sync?: () => void
}

/** Error codes of a write to a pipe or a socket whose reader has left; `EOF` on Windows. */
const readerLeftCodes = ['EPIPE', 'ECONNRESET', 'EOF']

/**
 * Output stream that may fail at any time, because its reader leaves or its disk is full. Discards all writes
 * after a failure.
 */
export class Output {
  readonly stream: Sink
  #failure: Error | undefined
  #onFailure: () => void = () => undefined

  constructor(stream: Sink) {
    this.stream = stream
    stream.on('error', (error) => this.#fail(error))
  }

  /** First error of a write; `undefined` while all writes succeeded. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure
  }

  /** True if the write failed because the reader left, which is no fault (`| head -1`). */
  get hasReaderLeft(): boolean {
    return readerLeftCodes.includes(this.failure?.code ?? '')
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true
  }

  /** Width of a line, in columns. Without a terminal, lines are long, because users may search them. */
  get width(): number {
    const { columns = 0 } = this.stream
    return this.isTTY ? columns || 80 : 400
  }

  /** Height of the terminal, in lines; unlimited without a terminal. */
  get height(): number {
    const { rows = 0 } = this.stream
    return this.isTTY ? rows || 24 : Infinity
  }

  /**
   * Calls the listener once: when a write fails, or synchronously if a write has already failed. Keeps only
   * the latest listener.
   */
  onFailure(listener: () => void): void {
    this.#onFailure = listener
    if (this.#failure !== undefined) listener()
  }

  /**
   * Writes a text. Resolves when the stream takes more, so that a slow reader slows the turn's replies, not
   * the server.
   */
  async write(text: string): Promise<void> {
    if (this.#failure !== undefined || text === '' || this.stream.write(text, this.#onWritten)) return
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        for (const name of ['drain', 'error', 'close']) this.stream.off(name, settle)
        resolve()
      }
      for (const name of ['drain', 'error', 'close']) this.stream.once(name, settle)
    })
  }

  /** Resolves when all written data has arrived, or when a write has failed. */
  async flush(): Promise<void> {
    if (this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.stream.write('', (error) => {
          this.#onWritten(error)
          resolve()
        })
      })
    if (this.#failure !== undefined) return
    try {
      this.stream.sync?.()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error) this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#onFailure()
  }
}
