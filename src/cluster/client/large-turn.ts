import { sha256Of, type AgentKey, type CallerStore } from '../store/cluster-store.ts'
import type { SentTurn, TurnContent } from '../turn-facts.ts'

/** Most bytes of a turn that travels as one message. */
const mostBytes = 512 * 1024

/**
 * Returns a turn that fits into a message. The content of a larger one is stored apart, and the message refers to it. The
 * content of a turn that a host has taken is not stored again: the host has the first one, and deletes all at the end.
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
  // A log that cannot be read now does not keep the turn back.
  const taken = await records.last(agent, sent.turnId).catch(() => undefined)
  const parcel =
    taken !== undefined
      ? { bytes: bytes.length, sha256: sha256Of(bytes) }
      : await parcels.put(agent, sent.turnId, bytes)
  // The owner must know before the turn runs whether it may run again.
  const { resume } = input
  return { ...rest, input: resume === undefined ? {} : { resume }, parcel }
}
