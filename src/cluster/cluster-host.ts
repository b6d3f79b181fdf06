import type { Observable } from 'rxjs'
import type { ClusterStatus } from './cluster-status.ts'

/** Options of {@link ClusterHost.drain}. */
export interface DrainOptions {
  /**
   * Time for running turns to finish, in ms. The next owner of an agent ends the turns that run on.
   *
   * @defaultValue 0
   */
  drainMs?: number
}

/** Host of a cluster: owns agents, and runs their turns on its fleet. */
export interface ClusterHost extends AsyncDisposable {
  /** Name of the host. */
  readonly id: string
  /** Status of the cluster now, as this host sees it. */
  readonly status: ClusterStatus
  /** Status of the cluster: the present one at once, then changes, at most 10 a second. Completes with the host. */
  readonly status$: Observable<ClusterStatus>
  /**
   * Leaves the cluster: starts no further turn, lets the running ones finish, and gives all agents up. Waiting turns run
   * on other hosts. The fleet goes on. A further call waits for the same end; its `drainMs` replaces the one before.
   *
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   */
  drain(options?: DrainOptions): Promise<void>
  /** Leaves the cluster at once: the same as `drain({ drainMs: 0 })`. */
  close(): Promise<void>
}
