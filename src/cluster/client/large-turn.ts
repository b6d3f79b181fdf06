import { createHash } from 'node:crypto'
import type { AgentKey, CallerStore } from '../store/cluster-store.ts'
import type { SentTurn, TurnContent } from '../turn-facts.ts'

/** Most bytes of a turn that travels as one message. */
const mostBytes = 512 * 1024

/**
 * Returns a turn that fits into a message. The content of a larger one is stored apart, and the message refers to it. The
 * content of a turn that has its end is not stored again, because no host would delete it.
 *
 * @throws ClusterStoreError `too_large`, `full`, or `unavailable`
 */
export async function messageOfTurn(
  sent: SentTurn,
  agent: AgentKey,
  { records, parcels }: Pick<CallerStore, 'records' | 'parcels'>,
): Promise<SentTurn> {
  if (Buffer.byteLength(JSON.stringify(sent)) <= mostBytes) return sent
  const { input, context, ...rest } = sent
  const content: TurnContent = { input, ...(context !== undefined && { context }) }
  const bytes = Buffer.from(JSON.stringify(content))
  const last = await records.last(agent, sent.turnId)
  if (last?.batch.isLast !== true) await parcels.put(agent, sent.turnId, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  // The owner must know before the turn runs whether it may run again.
  const { resume } = input
  return { ...rest, input: resume === undefined ? {} : { resume }, parcel: { bytes: bytes.length, sha256 } }
}
