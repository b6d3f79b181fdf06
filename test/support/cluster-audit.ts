import { FactJoiner } from '../../src/cluster/record-parts.ts'
import type { StoredBatch } from '../../src/cluster/store/cluster-store.ts'
import { isTerminal, type TerminalReply } from '../../src/replies.ts'

/** Stored records of one turn. */
export interface AuditedTurn {
  readonly ends: readonly TerminalReply[]
  readonly problems: readonly string[]
  /** Number of owners that have written. */
  readonly owners: number
}

/**
 * Checks all that is stored of one turn: epochs never fall, records have numbers without holes, nothing follows the
 * terminal reply, and the text of a `final` reply equals the joined deltas.
 */
export function auditTurn(batches: readonly Pick<StoredBatch, 'batch'>[]): AuditedTurn {
  const joiner = new FactJoiner()
  const ends: TerminalReply[] = []
  const problems: string[] = []
  let [epoch, next, text, owners] = [0, 1, '', 0]
  for (const { batch } of batches) {
    if (batch.epoch < epoch) problems.push(`epoch ${batch.epoch} after ${epoch}`)
    if (batch.first !== next) problems.push(`record ${batch.first} in the place of ${next}`)
    if (batch.epoch !== epoch) {
      owners++
      const [first] = batch.records as readonly { kind?: string }[]
      if (first?.kind !== 'claimed') problems.push(`epoch ${batch.epoch} has not claimed the turn`)
    }
    epoch = batch.epoch
    next = batch.first + batch.records.length
    if (ends.length > 0) problems.push(`epoch ${batch.epoch} has written after the end`)
    for (const { fact } of joiner.add(batch)) {
      if (fact.kind === 'restarted') text = ''
      if (fact.kind !== 'reply') continue
      if (fact.reply.kind === 'delta') text += fact.reply.content
      if (!isTerminal(fact.reply)) continue
      ends.push(fact.reply)
      if (!batch.isLast) problems.push('the batch of the end is not marked')
      if (fact.reply.kind === 'final' && fact.reply.content !== text)
        problems.push(
          `the deltas are ${JSON.stringify(text)}, the answer ${JSON.stringify(fact.reply.content)}`,
        )
    }
  }
  if (ends.length > 1) problems.push(`${ends.length} ends`)
  return { ends, problems, owners }
}
