import { eraseTurn } from '../../cluster/erase-turn.ts'
import { FactJoiner } from '../../cluster/record-parts.ts'
import type { AgentKey, ClusterStore } from '../../cluster/store/cluster-store.ts'
import { patiently } from './patiently.ts'

type Records = ClusterStore['records']

/** Time for which the erasure of a turn waits for a store that is away, in ms. */
const limitMs = 10_000

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
