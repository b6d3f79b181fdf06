import { FactJoiner } from '../../src/cluster/record-parts.ts'
import type { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import { keyOf, type AgentKey } from '../../src/cluster/store/cluster-store.ts'
import type { SentTurn, TurnFact } from '../../src/cluster/turn-facts.ts'
import { isTerminal, type TerminalReply } from '../../src/replies.ts'

/** Returns a turn as a caller sends it. */
export const sentTurn = (turnId: string, more: Partial<SentTurn> = {}): SentTurn => ({
  turnId,
  conversation: turnId,
  traceId: null,
  priority: 5,
  input: { text: 'Say hello' },
  deadlineMs: null,
  answers: false,
  ...more,
})

/** Returns the stored facts of a turn. */
export function factsOf({ records }: MemoryCluster, agent: AgentKey, turnId: string): TurnFact[] {
  const joiner = new FactJoiner()
  const batches = records.turns.get(`${keyOf(agent)}.${turnId}`) ?? []
  return batches.flatMap(({ batch }) => joiner.add(batch).map(({ fact }) => fact))
}

/** Returns the stored terminal replies of a turn. */
export const endsOf = (cluster: MemoryCluster, agent: AgentKey, turnId: string): TerminalReply[] =>
  factsOf(cluster, agent, turnId).flatMap((fact) =>
    fact.kind === 'reply' && isTerminal(fact.reply) ? [fact.reply] : [],
  )
