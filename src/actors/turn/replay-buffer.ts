import { Observable, type Subscriber } from 'rxjs'
import type { Reply } from '../../replies.ts'

/** Approximate size of a reply without its text, in bytes. */
const overhead = 120

/** Reader with a position of its own, and the function that resumes the reader on a new reply. */
interface Reader {
  index: number
  wake: () => void
}

/**
 * Replay buffer of a turn: each late subscriber receives every reply from the first. Beyond `maxBytes`,
 * neighbouring deltas are merged, so that the memory of a turn depends on its text and not on its number of
 * deltas.
 */
export class ReplayBuffer {
  readonly #maxBytes: number
  /** Copy-on-write list, so that the subscribers of a reply do not change while the reply is emitted. */
  #subscribers: readonly Subscriber<Reply>[] = []
  readonly #readers = new Set<Reader>()
  #replies: Reply[] = []
  #bytes = 0
  #limit: number
  #complete = false
  /** Number of subscribers that are receiving earlier replies; the list must not be compacted meanwhile. */
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

  /** Emits every reply from the first, then new replies; completes after the terminal reply. */
  readonly replies$ = new Observable<Reply>((subscriber) => {
    // A subscriber may cause new replies during the loop. The loop includes these replies, so that none is
    // lost or emitted twice.
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

  /**
   * Yields every reply from the first, at the reader's pace. Unread replies wait in the buffer, where they
   * may be merged.
   */
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

  /** Merges deltas on both sides of each reader's position, so that no reader receives a delta twice. */
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
    // If the text alone exceeds the limit, the next compaction runs when the text has doubled, so that the
    // cost stays linear.
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
