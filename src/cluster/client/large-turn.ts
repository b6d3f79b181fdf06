import type { AgentKey, Parcels } from '../store/cluster-store.ts'
import type { SentTurn, TurnContent } from '../turn-facts.ts'

/** Most bytes of a turn that travels as one message. */
const mostBytes = 512 * 1024

/**
 * Returns a turn that fits into a message. The content of a larger one is stored apart, and the message refers to it.
 *
 * @throws ClusterStoreError `too_large`, `full`, or `unavailable`
 */
export async function messageOfTurn(
  sent: SentTurn,
  agent: AgentKey,
  parcels: Pick<Parcels, 'put'>,
): Promise<SentTurn> {
  if (Buffer.byteLength(JSON.stringify(sent)) <= mostBytes) return sent
  const { input, context, ...rest } = sent
  const content: TurnContent = { input, ...(context !== undefined && { context }) }
  const bytes = Buffer.from(JSON.stringify(content))
  const parcel = await parcels.put(agent, sent.turnId, bytes)
  // The owner must know before the turn runs whether it may run again.
  const { resume } = input
  return { ...rest, input: resume === undefined ? {} : { resume }, parcel }
}
