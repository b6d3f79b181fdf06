import { FactJoiner } from '../../cluster/record-parts.ts'
import { ClusterStoreError, type AgentKey, type ClusterStore } from '../../cluster/store/cluster-store.ts'
import type { TurnFact } from '../../cluster/turn-facts.ts'
import { patiently } from './patiently.ts'

type Records = ClusterStore['records']

/** Time for which the erasure of a turn waits for a store that is away, in ms. */
const limitMs = 10_000
const erased: TurnFact = { kind: 'erased' }

/**
 * Deletes the records of an agent's turns that have ended, or of those of one session. A mark stays for each, so that a turn
 * with the same id never runs again.
 *
 * @throws ClusterStoreError
 */
export async function eraseRecords(records: Records, agent: AgentKey, sessionId?: string): Promise<void> {
  for (const turnId of await patiently(() => records.turns(agent), { limitMs })) {
    const isMeant =
      sessionId === undefined ||
      (await patiently(() => isOfSession(records, agent, turnId, sessionId), { limitMs }))
    if (isMeant) await patiently(() => eraseTurn(records, agent, turnId), { limitMs })
  }
}

/** Returns whether a turn has run in a session. */
async function isOfSession(
  records: Records,
  agent: AgentKey,
  turnId: string,
  sessionId: string,
): Promise<boolean> {
  const joiner = new FactJoiner()
  for await (const { batch } of records.read(agent, turnId, 0))
    for (const { fact } of joiner.add(batch)) if (fact.kind === 'session') return fact.sessionId === sessionId
  return false
}

/** Stores the mark after the end of a turn, then deletes all before. A turn that runs stays: its owner writes on. */
async function eraseTurn(records: Records, agent: AgentKey, turnId: string): Promise<void> {
  const last = await records.last(agent, turnId)
  if (last?.batch.isLast !== true) return
  const { epoch, first, records: facts } = last.batch
  const isMarked = (facts.at(-1) as TurnFact | undefined)?.kind === 'erased'
  if (!isMarked) {
    const mark = { epoch, first: first + facts.length, records: [erased], isLast: true } as const
    await records.append(agent, turnId, mark, last.seq).catch((error: unknown) => {
      // The mark of another gateway is as good.
      if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
    })
  }
  await records.keepLast(agent, turnId)
}
