import type { Observable } from 'rxjs'
import type { Turn } from '../api/turn-handle.ts'
import type { TurnInput } from '../api/turn-input.ts'
import type { AgentKey } from './store/cluster-store.ts'

/** Parts of a turn that its owner records. */
export type RunningTurn = Pick<
  Turn,
  | 'replies$'
  | 'requests$'
  | 'openRequests'
  | 'openRequests$'
  | 'status$'
  | 'todos$'
  | 'sessionId'
  | 'done'
  | 'usage'
  | 'answer'
  | 'cancel'
>

/** Runs the turns of the agents that a host owns: the host's fleet. */
export interface AgentRunner {
  /** Maximum number of agents that the host owns at the same time. */
  readonly maxAgents: number
  /** Maximum number of turns that run at the same time. */
  readonly maxTurns: number
  /** Version of opencode on the host; empty if unknown. */
  readonly opencode: string
  /** Agents that the host can run from now on, or whose spec has changed. */
  readonly added$: Observable<AgentKey>
  /** Returns whether the host takes the turns of an agent: it can run the agent, or ends the turns of a removed one. */
  knows(agent: AgentKey): boolean
  /** Returns the most running turns of a tenant over all hosts; `undefined` without such a limit. */
  capOf(tenant: string): number | undefined
  /** Makes an agent ready for turns. Rejects if the agent cannot be used on this host. */
  open(agent: AgentKey, signal: AbortSignal): Promise<void>
  /** Runs a turn. Never throws. */
  turn(agent: AgentKey, input: TurnInput): RunningTurn
  /** Deletes a session of an agent. */
  deleteSession(agent: AgentKey, sessionId: string): Promise<void>
  /** Ends all turns of an agent, and all its processes. */
  close(agent: AgentKey): Promise<void>
  /**
   * Ends the processes of all agents unless it is called again within a time, in ms, even if this process is paused; 0
   * lets them live as long as this process.
   */
  keepAlive(ms: number): void
}
