import type { Writable } from 'node:stream'

/** stdout, stderr, or what stands in for them; the last two only where it is a terminal. */
export type Sink = Writable & { isTTY?: boolean; columns?: number }

/** A stream of ours that may be closed by its reader at any time; then it swallows what is written. */
export class Output {
  readonly stream: Sink
  #isClosed = false

  /** `onClosed` is called once, when the reader has left (`| head -1`). */
  constructor(stream: Sink, onClosed: () => void = () => undefined) {
    this.stream = stream
    stream.on('error', () => {
      if (this.#isClosed) return
      this.#isClosed = true
      onClosed()
    })
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Columns of the terminal; elsewhere lines are long, because somebody may search them. */
  get width(): number {
    const { columns = 0 } = this.stream
    return this.isTTY ? columns || 80 : 400
  }

  /** Resolves once the stream takes more: a slow reader slows the turn's replies, not the server. */
  async write(text: string): Promise<void> {
    if (this.#isClosed || text === '' || this.stream.write(text)) return
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        for (const name of ['drain', 'error', 'close']) this.stream.off(name, settle)
        resolve()
      }
      for (const name of ['drain', 'error', 'close']) this.stream.once(name, settle)
    })
  }
}
