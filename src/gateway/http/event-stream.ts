import { pulledStream, type PulledTerms } from './pulled-stream.ts'

/** Time between two comments that keep the connection, in ms. */
const commentMs = 15_000

/** Most text of frames that waits for a client that stalls, in characters. */
const mostWaiting = 1_048_576

/** Returns the frame of a server-sent event. */
export const frameOf = (event: string, data: unknown, id?: number): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`

/** Returns the data of a frame, as JSON. */
export const dataOf = (frame: string): string => frame.slice(frame.indexOf('\ndata: ') + 7, -2)

const encoder = new TextEncoder()

/** Returns the bytes of a text. */
export const bytesOf = (text: string): Uint8Array => encoder.encode(text)

/**
 * Stream of server-sent events: those of a source, which is asked only when the client reads, and others beside them,
 * which go first. A comment keeps a quiet connection.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #source: () => Promise<Uint8Array | undefined>
  /** The answer of the source that is still to come. */
  #coming: Promise<Uint8Array | undefined> | undefined
  #frames: { name: string; text: string }[] = []
  #waiting = 0
  #wake: (() => void) | undefined
  readonly #stop = new AbortController()

  /** @param terms - the source, and the ends of the stream */
  constructor({ next, until, onEnd }: PulledTerms) {
    this.#source = next
    const timer = setInterval(() => this.#comment(), commentMs).unref()
    this.body = pulledStream({
      next: () => this.#next(),
      until: [...until, this.#stop.signal],
      onEnd: () => {
        clearInterval(timer)
        onEnd()
      },
    })
  }

  /**
   * Sends an event beside those of the source. A client that does not read gets the last one of neighbouring events
   * `status`; where too much waits, the stream ends, so that the client joins again.
   */
  send(name: string, data: unknown): void {
    const last = this.#frames.at(-1)
    if (name === 'status' && last?.name === name) this.#waiting -= this.#frames.pop()?.text.length ?? 0
    const text = frameOf(name, data)
    this.#frames.push({ name, text })
    this.#waiting += text.length
    if (this.#waiting > mostWaiting) this.#stop.abort()
    this.#wake?.()
  }

  /** A client that reads has got everything: the comment is sent at once. */
  #comment(): void {
    if (!this.#wake) return
    this.#frames.push({ name: '', text: ': keep-alive\n\n' })
    this.#wake()
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (!this.#coming) {
      this.#coming = this.#source()
      // The stream may end before the answer is read.
      this.#coming.catch(() => undefined)
    }
    if (this.#frames.length === 0) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      await Promise.race([this.#coming, woken])
      this.#wake = undefined
    }
    const frames = this.#frames.map(({ text }) => text).join('')
    if (frames !== '') {
      this.#frames = []
      this.#waiting = 0
      return bytesOf(frames)
    }
    const bytes = await this.#coming
    this.#coming = undefined
    return bytes
  }
}
