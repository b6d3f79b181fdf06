import type { Observable } from 'rxjs'
import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { SendTerms } from '../../cluster/client/caller-parts.ts'
import type { ErrorReply, PendingRequest, RequestAnswer } from '../../replies.ts'
import type { Asker } from './closed-requests.ts'
import type { TurnNews } from './live-turn.ts'
import type { LoggedTurn, OpenTurn } from './turn-log.ts'

/** Input of a turn of the gateway, which names its id. */
export type NamedInput = TurnInput & { turnId: string }

/** Input of a turn and what the input cannot name, as they are kept until the turn has its end. */
export interface KeptInput extends TurnInput {
  fields?: SendTerms['fields']
}

/** News of a request of a turn. */
export interface RequestNews {
  turnId: string
  news: Exclude<TurnNews, { type: 'status' }>
}

/** Turn that another process has sent. */
export interface JoinedHandle {
  turn: Turn
  /** Ends the following. The turn goes on. */
  leave: () => void
}

/** Request that was closed. */
export interface ClosedRequest extends Asker {
  requestId: string
  turnId: string
}

/** Requests of all agents that wait for an answer. */
export interface RequestSource {
  /** Open requests, the oldest first. */
  readonly open: readonly PendingRequest[]
  /** Emits each request that was closed. */
  readonly closed$: Observable<ClosedRequest>
  /**
   * Answers a request.
   *
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if no open request has the id
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request
   */
  answer(requestId: string, answer: RequestAnswer): Promise<void>
}

/** Runs the turns of a gateway: the fleet of its process, or the hosts of a cluster. */
export interface TurnSource {
  /** True if turns go on without this process. */
  readonly outlives: boolean
  readonly requests: RequestSource
  /** Emits the news of requests, of all turns that run here or that are followed. */
  readonly news$: Observable<RequestNews>
  /** Prepares the source, when the fleet and the log are ready. */
  open(): Promise<void>
  /** Returns what is known of an agent; `undefined` for an unknown agent. */
  agent(id: string): AgentFacts | undefined
  /** Runs a turn. Resolves when the turn is on its way, or has ended. */
  run(agentId: string, input: NamedInput): Promise<Turn>
  /** Resolves with whether a known turn may never have been sent, because the process that took the turn has died. */
  isLost(turn: LoggedTurn): Promise<boolean>
  /** Follows a turn that this gateway has not sent; `undefined` for a turn that has ended, or that no process runs. */
  join(turn: LoggedTurn): Promise<JoinedHandle | undefined>
  /** Returns whether a turn that an earlier process has left goes on. The start of the gateway waits for the end of the others. */
  canResume(open: OpenTurn): boolean
  /** Continues a turn that an earlier process has left, or returns the terminal reply of the turn. */
  resume(open: OpenTurn): Promise<Turn | ErrorReply>
}
