import { Observable, type Subscriber } from 'rxjs'
import type { Reply } from '../../replies.ts'

/** What a reply costs beyond its text, in bytes, roughly. */
const overhead = 120

/** Who reads at a pace of its own: where it is, and what to call when there is more. */
interface Reader {
  index: number
  wake: () => void
}

/**
 * The replies of a turn, hot: a late subscriber gets every one from the first. Beyond `maxBytes` neighbouring deltas
 * come merged, so that the memory of a turn is that of its text and not of its pieces.
 */
export class Replay {
  readonly #maxBytes: number
  /** Another list with each that comes or goes: who is told of a reply does not change while it is told. */
  #subscribers: readonly Subscriber<Reply>[] = []
  readonly #readers = new Set<Reader>()
  #replies: Reply[] = []
  #bytes = 0
  #limit: number
  #complete = false
  /** Subscribers that are being given what was before: they read the list as it is. */
  #late = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#limit = maxBytes
  }

  push(reply: Reply): void {
    this.#replies.push(reply)
    this.#bytes += sizeOf(reply)
    if (this.#bytes > this.#limit && this.#late === 0) this.#compact()
    for (const subscriber of this.#subscribers) subscriber.next(reply)
    for (const { wake } of this.#readers) wake()
  }

  complete(): void {
    this.#complete = true
    for (const subscriber of this.#subscribers) subscriber.complete()
    this.#subscribers = []
    for (const { wake } of this.#readers) wake()
  }

  /** Every reply from the first, then what comes; completes after the terminal one. */
  readonly replies$ = new Observable<Reply>((subscriber) => {
    // A subscriber may cause replies while it catches up: the iteration goes on to them, so none is lost or doubled.
    this.#late++
    for (const reply of this.#replies) {
      subscriber.next(reply)
      if (subscriber.closed) break
    }
    this.#late--
    if (subscriber.closed) return
    if (this.#complete) return subscriber.complete()
    this.#subscribers = [...this.#subscribers, subscriber]
    return () => {
      this.#subscribers = this.#subscribers.filter((other) => other !== subscriber)
    }
  })

  /** Every reply from the first, at the reader's pace: what it has not read yet waits here, and is merged here too. */
  async *read(): AsyncGenerator<Reply, void, void> {
    const reader: Reader = { index: 0, wake: () => undefined }
    this.#readers.add(reader)
    try {
      while (reader.index < this.#replies.length || !this.#complete) {
        const reply = this.#replies[reader.index]
        if (!reply) await new Promise<void>((resolve) => (reader.wake = resolve))
        else {
          reader.index++
          yield reply
        }
      }
    } finally {
      this.#readers.delete(reader)
    }
  }

  /** Merges on both sides of where each reader is, so that none reads a piece twice. */
  #compact(): void {
    const places = new Map([...this.#readers].map(({ index }) => [index, 0]))
    const ends = [...places.keys(), this.#replies.length].sort((a, b) => a - b)
    let from = 0
    let merged: Reply[] = []
    for (const end of ends) {
      merged = merged.concat(merge(this.#replies.slice(from, end)))
      places.set(end, merged.length)
      from = end
    }
    for (const reader of this.#readers) reader.index = places.get(reader.index) ?? 0
    this.#replies = merged
    this.#bytes = this.#replies.reduce((sum, reply) => sum + sizeOf(reply), 0)
    // Where the text alone is over the limit, the next look is when it has doubled: the cost stays linear.
    this.#limit = Math.max(this.#maxBytes, this.#bytes * 2)
  }
}

const sizeOf = (reply: Reply): number => {
  if (reply.kind === 'tool_call') return overhead + 2 * JSON.stringify(reply.args).length
  if (reply.kind === 'tool_result') return overhead + 2 * reply.result.length
  return overhead + 2 * (reply.kind === 'error' ? reply.error : reply.content).length
}

function merge(replies: readonly Reply[]): Reply[] {
  const merged: Reply[] = []
  let run: Reply[] = []
  const flush = () => {
    const [first] = run
    if (first && 'content' in first) merged.push({ ...first, content: run.map(contentOf).join('') })
    run = []
  }
  for (const reply of replies) {
    const isPiece = reply.kind === 'delta' || reply.kind === 'reasoning'
    if (!isPiece || (run[0] && run[0].kind !== reply.kind)) flush()
    if (isPiece) run.push(reply)
    else merged.push(reply)
  }
  flush()
  return merged
}

const contentOf = (reply: Reply): string => ('content' in reply ? reply.content : '')
