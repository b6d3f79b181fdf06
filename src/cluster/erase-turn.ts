import { ClusterStoreError, type AgentKey, type RecordLog } from './store/cluster-store.ts'
import type { TurnFact } from './turn-facts.ts'

const erased: TurnFact = { kind: 'erased' }

/**
 * Deletes the records of a turn that has ended. A mark stays, so that a turn with the same id never runs again. A turn that
 * runs stays as it is: its owner writes on.
 *
 * @throws ClusterStoreError
 */
export async function eraseTurn(
  records: Pick<RecordLog, 'last' | 'append' | 'keepLast'>,
  agent: AgentKey,
  turnId: string,
): Promise<void> {
  const last = await records.last(agent, turnId)
  if (last?.batch.isLast !== true) return
  const { epoch, first, records: facts } = last.batch
  const isMarked = (facts.at(-1) as TurnFact | undefined)?.kind === 'erased'
  if (!isMarked) {
    const mark = { epoch, first: first + facts.length, records: [erased], isLast: true } as const
    await records.append(agent, turnId, mark, last.seq).catch((error: unknown) => {
      // The mark of another host or gateway is as good.
      if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
    })
  }
  await records.keepLast(agent, turnId)
}
