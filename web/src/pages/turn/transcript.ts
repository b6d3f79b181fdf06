import type { Reply, TerminalReply, TurnStatus } from '../../api/types.ts'
import type { CallFacts } from '../../parts/tool-call/tool-call.tsx'

/** Entry of a turn, in the order in which the turn emitted it. An entry that changes is a new object. */
export type Entry =
  | { kind: 'text' | 'reasoning'; id: number; text: string; isStale: boolean }
  | { kind: 'tool'; id: number; call: CallFacts }
  | { kind: 'retry'; id: number; attempt: number; message: string; nextAt: number }

/** Known parts of a turn. */
export interface TurnView {
  entries: readonly Entry[]
  /** Number of the last reply. */
  lastSeq: number
  end: TerminalReply | undefined
  status: TurnStatus | undefined
}

/** Entries of a turn, built from its replies and states. Each reply counts once. */
export class Transcript {
  #entries: Entry[] = []
  #lastSeq = 0
  #nextId = 0
  #end: TerminalReply | undefined
  #status: TurnStatus | undefined
  /** Places of the entries of calls that run, by their ids. */
  readonly #calls = new Map<string, number>()

  /** Returns what is known now. */
  get view(): TurnView {
    return { entries: [...this.#entries], lastSeq: this.#lastSeq, end: this.#end, status: this.#status }
  }

  /** Adds replies, in their order. A reply that was added before is ignored. */
  add(replies: readonly Reply[]): void {
    for (const reply of replies) {
      if (reply.seq <= this.#lastSeq) continue
      this.#lastSeq = reply.seq
      this.#add(reply)
    }
  }

  /** Sets the state. A retry that is planned becomes an entry, once. */
  setStatus(status: TurnStatus): void {
    this.#status = status
    if (status.state !== 'retrying') return
    const { attempt = 1, message = '', next_at: nextAt = 0 } = status
    const isKnown = this.#entries.some(
      (entry) => entry.kind === 'retry' && entry.attempt === attempt && entry.nextAt === nextAt,
    )
    if (!isKnown) this.#push({ kind: 'retry', attempt, message, nextAt })
  }

  #add(reply: Reply): void {
    switch (reply.kind) {
      case 'delta':
        return this.#text('text', reply.content)
      case 'reasoning':
        return this.#text('reasoning', reply.content)
      case 'tool_call':
        return this.#call(reply)
      case 'tool_result':
        return this.#result(reply)
      case 'final':
      case 'error':
        return this.#finish(reply)
    }
  }

  #text(kind: 'text' | 'reasoning', text: string): void {
    const last = this.#entries.at(-1)
    if (last?.kind === kind) this.#entries[this.#entries.length - 1] = { ...last, text: last.text + text }
    else this.#push({ kind, text, isStale: false })
  }

  #call({ call_id: callId, tool, args, at: startedAt }: Extract<Reply, { kind: 'tool_call' }>): void {
    this.#calls.set(callId, this.#entries.length)
    this.#push({ kind: 'tool', call: { callId, tool, args, status: 'running', startedAt } })
  }

  #result(reply: Extract<Reply, { kind: 'tool_result' }>): void {
    const { call_id: callId, result, success, at: endedAt } = reply
    const { at: _, ...rest } = reply
    if (!this.#calls.has(callId)) this.#call({ ...rest, kind: 'tool_call', args: {} })
    const index = this.#calls.get(callId) ?? -1
    const entry = this.#entries[index]
    if (entry?.kind !== 'tool') return
    const call: CallFacts = { ...entry.call, result, status: success ? 'done' : 'failed', endedAt }
    this.#entries[index] = { ...entry, call }
    this.#calls.delete(callId)
  }

  #finish(end: TerminalReply): void {
    this.#end = end
    if (end.kind === 'final') this.#entries = withAnswer(this.#entries, end.content, () => this.#nextId++)
    this.#entries = this.#entries.map((entry) =>
      entry.kind === 'tool' && entry.call.status === 'running'
        ? { ...entry, call: { ...entry.call, status: 'unfinished' } }
        : entry,
    )
  }

  #push(entry: WithoutId<Entry>): void {
    this.#entries.push({ ...entry, id: this.#nextId++ })
  }
}

type WithoutId<T> = T extends Entry ? Omit<T, 'id'> : never

/**
 * Returns the entries of a turn whose answer is known. The joined texts equal the answer, except for the texts of an
 * attempt that was retried: these come first, and are marked as stale.
 */
function withAnswer(entries: readonly Entry[], answer: string, nextId: () => number): Entry[] {
  const texts = entries.flatMap((entry) => (entry.kind === 'text' ? [entry.text] : [])).join('')
  if (texts === answer) return [...entries]
  if (!texts.endsWith(answer)) {
    const stale = entries.map((entry) => (entry.kind === 'text' ? { ...entry, isStale: true } : entry))
    return answer === '' ? stale : [...stale, { kind: 'text', id: nextId(), text: answer, isStale: false }]
  }
  let staleLeft = texts.length - answer.length
  return entries.flatMap((entry): Entry[] => {
    if (entry.kind !== 'text' || staleLeft === 0) return [entry]
    const cut = Math.min(staleLeft, entry.text.length)
    staleLeft -= cut
    const stale: Entry = { ...entry, text: entry.text.slice(0, cut), isStale: true }
    if (cut === entry.text.length) return [stale]
    return [stale, { ...entry, id: nextId(), text: entry.text.slice(cut) }]
  })
}
