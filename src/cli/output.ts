import type { Writable } from 'node:stream'

/** stdout, stderr, or a replacement in tests. */
export type Sink = Writable & {
  /** Set only for a terminal, as is the next one. */
  isTTY?: boolean
  columns?: number
  /** Waits until the disk has all data. @throws the system's error if it could not take all of it. */
  sync?: () => void
}

/** Error codes of a write to a pipe or a socket whose reader has left; `EOF` on Windows. */
const readerLeftCodes = ['EPIPE', 'ECONNRESET', 'EOF']

/** A stream that may fail at any time, since its reader leaves or its disk is full. After a failure it discards all writes. */
export class Output {
  readonly stream: Sink
  #failure: Error | undefined
  #onFailure: () => void = () => undefined

  constructor(stream: Sink) {
    this.stream = stream
    stream.on('error', (error) => this.#fail(error))
  }

  /** The first error of a write; `undefined` while all of them succeeded. */
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

  /** Columns of the terminal; elsewhere lines are long, because somebody may search them. */
  get width(): number {
    const { columns = 0 } = this.stream
    return this.isTTY ? columns || 80 : 400
  }

  /** Calls the listener once, when a write fails; synchronously if a write has failed already. There is only one listener. */
  onFailure(listener: () => void): void {
    this.#onFailure = listener
    if (this.#failure !== undefined) listener()
  }

  /** Resolves once the stream takes more: a slow reader slows the turn's replies, not the server. */
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

  /** Resolves once all that was written has arrived, or failed. */
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
