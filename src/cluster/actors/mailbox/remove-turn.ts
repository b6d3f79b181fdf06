import { eraseTurn } from '../../erase-turn.ts'
import { erasesTurns } from '../../specs/spec-record.ts'
import { keyOf, type AgentKey, type ClusterStore } from '../../store/cluster-store.ts'

/** Part of a turn's messages that is removed. */
export interface RemovalTerms {
  /** True if the turn has contents that are stored apart. */
  readonly hasParcel?: boolean
  /** Number of the last message to remove: the turn itself may come after it; all messages if absent. */
  readonly through?: number | undefined
}

/**
 * Removes what is left of a turn that has its end, also its replies if its agent was removed with them. The message goes
 * last: as long as it is there, what is left is removed by the next owner.
 *
 * @throws ClusterStoreError
 */
export async function removeTurn(
  store: Pick<ClusterStore, 'agents' | 'inbox' | 'parcels' | 'records'>,
  agent: AgentKey,
  turnId: string,
  { hasParcel = false, through }: RemovalTerms,
): Promise<void> {
  if (erasesTurns((await store.agents.get(keyOf(agent)))?.value))
    await eraseTurn(store.records, agent, turnId)
  if (hasParcel) await store.parcels.remove(agent, turnId)
  await store.inbox.remove(agent, turnId, through)
}
