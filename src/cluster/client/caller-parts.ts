import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { AgentKey, ClusterStore } from '../store/cluster-store.ts'
import type { SentTurn } from '../turn-facts.ts'
import type { ClusterWatch } from './cluster-watch.ts'
import type { FactsListener } from './log-reader.ts'

/** Terms of a turn that a gateway sends. */
export interface SendTerms {
  readonly onFacts: FactsListener
  /** Fields of the turn that the input cannot name. */
  readonly fields?: Partial<Pick<SentTurn, 'conversation' | 'isThrowAway'>>
}

/** Terms of a turn that a gateway follows. */
export interface JoinTerms {
  readonly onFacts: FactsListener
  /** Time limit of the turn in ms, if known. */
  readonly deadlineMs: number | null
}

/** Turn with a promise of what is known of it: that the inbox has it, or that all that is stored was read. */
export interface FollowedHandle {
  readonly turn: Turn
  /** Never rejects; also resolves at the end of the turn. */
  readonly settled: Promise<void>
  /** Ends the handle. The turn goes on. */
  readonly detach: () => void
}

/** Parts of a caller's connection, for a gateway. */
export interface CallerParts {
  readonly store: ClusterStore
  readonly watch: ClusterWatch
  /** Sends a turn to the owner of an agent, and follows the turn. A bad input gives one `error` reply. */
  send(agent: AgentKey, input: TurnInput, terms: SendTerms): FollowedHandle
  /**
   * Sends a turn again that may never have arrived. The inbox takes a turn once, and a turn that has its end never runs
   * again.
   *
   * @throws ClusterStoreError if the turn could not be sent
   */
  resend(agent: AgentKey, input: TurnInput, fields: SendTerms['fields']): Promise<void>
  /** Follows a turn of an agent that some caller has sent, from its first record. */
  join(agent: AgentKey, turnId: string, terms: JoinTerms): FollowedHandle
}
