import { elapse, type SystemClock } from '../../actors/clock.ts'
import type { TurnCause } from '../../actors/turn/refusal.ts'
import type { AgentKey, ReadableLog } from '../store/cluster-store.ts'
import { notFound, notReadable } from './ends.ts'

/** Wait before the log is asked again, in ms. */
const retryMs = 500

/** Turn whose agent is looked for. */
export interface SoughtTurn {
  readonly records: Pick<ReadableLog, 'find'>
  readonly turnId: string
  /** Tenant of the agent; any one if absent. */
  readonly tenant?: string | undefined
  readonly clock: SystemClock
  /** Time in which a host must have begun the turn, in ms. */
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** Agent of a turn, or the reason why there is none. */
export type FoundAgent = { readonly agent: AgentKey } | { readonly cause: TurnCause }

/**
 * Finds the agent of a turn by the records of the turn. The first record exists when a host has taken the turn from the
 * inbox, so that the log is asked again and again until then. Never rejects.
 */
export async function findAgent(turn: SoughtTurn): Promise<FoundAgent> {
  const { records, turnId, tenant, clock, limitMs, signal } = turn
  const until = clock.now() + limitMs
  for (;;) {
    let cause = notFound(turnId)
    try {
      const agent = await records.find(turnId, tenant)
      if (agent) return { agent }
    } catch (error) {
      cause = notReadable(error)
    }
    if (signal.aborted || clock.now() + retryMs > until) return { cause }
    await elapse(clock, retryMs, signal)
  }
}
