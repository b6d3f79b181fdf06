import type { Reply } from '../../replies.ts'

/** Returns replies with neighbouring pieces of text, and neighbouring pieces of reasoning, joined. */
export function joined(replies: readonly Reply[]): Reply[] {
  const all: Reply[] = []
  for (const reply of replies) {
    const last = all.at(-1)
    const isPiece = reply.kind === 'delta' || reply.kind === 'reasoning'
    if (isPiece && last?.kind === reply.kind)
      all.splice(-1, 1, { ...last, content: last.content + reply.content })
    else all.push(reply)
  }
  return all
}
