import type { Observable } from 'rxjs'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import type { ClusterStatus } from '../cluster-status.ts'
import type { DrainOptions } from '../cluster-host.ts'

/** Connection to a cluster, for callers. */
export interface Cluster extends AsyncDisposable {
  /** Status of the cluster now, as this caller sees it. */
  readonly status: ClusterStatus
  /**
   * Status of the cluster: the present one at once, then changes, at most 10 a second. Completes with the connection;
   * never errors.
   */
  readonly status$: Observable<ClusterStatus>
  /**
   * Runs a turn of an agent, on the host that owns the agent. Never throws: a bad input or an unknown agent gives one
   * `error` reply. A turn with the id of an earlier one is that turn, from its first reply.
   *
   * @param agentId - Id of the agent.
   * @param input - The prompt, or the fields of a turn. A `context` needs the option `contextKey` of the hosts.
   * @returns The handle of the turn. Its `changes()` rejects, because the files are on another host.
   */
  turn<S extends ObjectSchema | undefined = undefined>(
    agentId: string,
    input: string | TurnInput<S>,
  ): Turn<InferOutput<S>>
  /**
   * Follows a turn that any process has sent in the last 24 hours, from its first reply. Leaving a `for await` loop over
   * the turn early cancels the turn, as for every turn: read `replies$` to only look on.
   *
   * @param turnId - Id of the turn.
   * @returns The handle of the turn. Ends with the code `rejected` if no host begins a turn with the id within 30 s.
   */
  attach(turnId: string): Turn
  /**
   * Asks a host to leave the cluster, as its own `drain()` does: running turns finish, and its agents move to other hosts.
   * The process of the host goes on; started anew, the host joins again. Resolves when the wish is stored; the host is
   * `draining` soon.
   *
   * @param hostId - Id of the host.
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, for a host that is not there, or for a
   * caller of one tenant.
   * @throws ClusterStoreError if NATS refuses, or does not answer.
   */
  drainHost(hostId: string, options?: DrainOptions): Promise<void>
  /** Closes the connection. Turns go on; their handles here end with the code `server_unavailable`. */
  close(): Promise<void>
}
