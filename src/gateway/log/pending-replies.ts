import type { Reply } from '../../replies.ts'

/** Longest text of one stored reply that is made of several deltas, in characters. */
const longestMerge = 16_384
/** Largest row of replies, in characters; a longer reply has a row of its own. */
const longestRow = 65_536
/** Rough length of a reply as JSON without its texts, in characters. */
const overhead = 80

/** Reply as a row of the store holds it. A call of a tool, and its result, have their time in epoch ms. */
export type StoredReply = Reply & { at?: number }

/** Replies that one row of the store holds. */
export interface PendingRow {
  replies: StoredReply[]
}

/**
 * Replies of a turn that are not stored yet. Neighbouring deltas with the same trace id become one reply, and so do
 * neighbouring pieces of reasoning.
 */
export class PendingReplies {
  #rows: { replies: StoredReply[]; size: number }[] = []
  #size = 0

  /** Rough length of all replies as JSON, in characters. */
  get size(): number {
    return this.#size
  }

  /** Rows in the order of their replies. */
  get rows(): readonly PendingRow[] {
    return this.#rows
  }

  push(given: Reply, at?: number): void {
    const reply = at !== undefined && isOfTool(given) ? { ...given, at } : given
    const size = sizeOf(reply)
    this.#size += size
    const row = this.#rows.at(-1)
    if (!row || row.size + size > longestRow) {
      this.#rows.push({ replies: [reply], size })
      return
    }
    row.size += size
    const merged = mergedOf(row.replies.at(-1), reply)
    if (merged) row.replies[row.replies.length - 1] = merged
    else row.replies.push(reply)
  }

  clear(): void {
    this.#rows = []
    this.#size = 0
  }
}

const isOfTool = ({ kind }: Reply): boolean => kind === 'tool_call' || kind === 'tool_result'

/** Returns two neighbouring pieces of text as one reply; `undefined` if they stay two. */
function mergedOf(first: Reply | undefined, second: Reply): Reply | undefined {
  if (first?.kind !== 'delta' && first?.kind !== 'reasoning') return undefined
  if (second.kind !== first.kind || second.trace_id !== first.trace_id) return undefined
  if (first.content.length + second.content.length > longestMerge) return undefined
  return { ...first, content: first.content + second.content }
}

/** Returns the rough length of a reply as JSON, in characters. */
function sizeOf(reply: Reply): number {
  switch (reply.kind) {
    case 'delta':
    case 'reasoning':
    case 'final':
      return overhead + reply.content.length
    case 'tool_call':
      return overhead + JSON.stringify(reply.args).length
    case 'tool_result':
      return overhead + reply.result.length
    case 'error':
      return overhead + reply.error.length + (reply.partial?.length ?? 0)
  }
}
