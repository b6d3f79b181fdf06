import { FactJoiner } from '../../record-parts.ts'
import type { AgentKey, RecordLog } from '../../store/cluster-store.ts'

/** State in which an earlier owner has left a turn. */
export interface LeftTurn {
  /** True if the turn may have run. */
  readonly hasStarted: boolean
  /** True if the turn has produced nothing but text since its last start. */
  readonly isTextOnly: boolean
  /** Text of the answer since the last start. */
  readonly partial: string
}

/** Reads the state in which an earlier owner has left a turn. @throws ClusterStoreError */
export async function readLeftTurn(
  records: RecordLog,
  agent: AgentKey,
  turnId: string,
  signal: AbortSignal,
): Promise<LeftTurn> {
  const joiner = new FactJoiner()
  let left: LeftTurn = fresh
  for await (const { batch } of records.read(agent, turnId, 0, signal))
    for (const { fact } of joiner.add(batch)) {
      if (fact.kind === 'restarted') left = fresh
      else if (fact.kind === 'started') left = { ...left, hasStarted: true }
      else if (fact.kind === 'request' || fact.kind === 'todos') left = { ...left, isTextOnly: false }
      else if (fact.kind === 'reply' && fact.reply.kind === 'delta')
        left = { ...left, partial: left.partial + fact.reply.content }
      else if (fact.kind === 'reply' && fact.reply.kind !== 'reasoning') left = { ...left, isTextOnly: false }
    }
  return left
}

const fresh: LeftTurn = { hasStarted: false, isTextOnly: true, partial: '' }
