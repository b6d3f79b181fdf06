import type { LifecycleState } from '../machines/lifecycle.ts'

/** Happenings that a host causes. */
export type HostHappening =
  | 'start'
  /** `start` and `stop`, with nothing in between. */
  | 'start and stop'
  | 'stop'
  /** A different configuration. */
  | 'reconfigure'
  /** A new turn, unless a turn is open. */
  | 'turn'
  /** Cancellation of the open turn, if any. */
  | 'cancel'

/** Happenings that the world causes. */
export type WorldHappening =
  /**
   * A start whose preparation fails for a reason that another configuration may fix: the config cannot be
   * written.
   */
  | 'cannot be prepared'
  /** A start whose preparation the host refuses temporarily; only with `hostFaults`. */
  | 'cannot be prepared for now'
  /** A start whose process cannot be spawned. */
  | 'cannot be spawned'
  | 'becomes healthy'
  /** A start that takes longer than `startTimeoutMs`. */
  | 'is late'
  | 'crashes'
  | 'answers a probe'
  | 'loses a probe'
  /** Neither answers nor streams, for longer than the limits allow. */
  | 'wedges'
  | 'exceeds its memory'
  /** An answer to the open turn, if any. */
  | 'answers the turn'
  /** The end of a process that received a signal to end. */
  | 'ends'
  /** The end of the wait before a restart. */
  | 'cools down'
  /** A time longer than the idle timeout, the drain limit and the restart window. */
  | 'time passes'

/** All happenings. */
export type Happening = HostHappening | WorldHappening

/** Lifecycle state of the real server, and number of its live processes, while the model is in a state. */
export interface LifecycleMeta {
  lifecycle: LifecycleState
  alive: 0 | 1
}

/** Context of the model. */
export interface LifecycleModelContext {
  /** `true` if the server is kept alive without a turn. */
  wanted: boolean
  /** `true` if a turn waits or runs. */
  turn: boolean
  /** Number of restarts in the restart window. */
  spent: number
  /** Number of consecutive lost probes. */
  lost: number
  /** Last healthy configuration: the current one (`this`), another, or none yet. */
  proven: 'none' | 'this' | 'another'
  /** `true` if another configuration waits to be used. */
  pending: boolean
  /** `true` if the cause of the failure may pass by itself. */
  mayPass: boolean
  /** `true` if a turn requested the current start after a failure. No restart follows such a start. */
  lastTry: boolean
}
