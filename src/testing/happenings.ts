import type { LifecycleState } from '../api/lifecycle.ts'

/** What a host does to a server. */
export type HostHappening =
  | 'start'
  /** Both, with nothing in between. */
  | 'start and stop'
  | 'stop'
  /** Gives it a configuration that is another one. */
  | 'reconfigure'
  /** A turn, unless one is open. */
  | 'turn'
  /** The end of the open turn, if there is one. */
  | 'cancel'

/** What the world does to a server. */
export type WorldHappening =
  /** It is started, but its preparation fails, for a reason that another configuration might mend: its config cannot be written. */
  | 'cannot be prepared'
  /** A start whose preparation the host refuses for the moment; only with `hostFaults`. */
  | 'cannot be prepared for now'
  /** It is started, but no process comes of it. */
  | 'cannot be spawned'
  | 'becomes healthy'
  /** Its start takes longer than `startTimeoutMs`. */
  | 'is late'
  | 'crashes'
  | 'answers a probe'
  | 'loses a probe'
  /** Neither answers nor streams, for long enough. */
  | 'wedges'
  | 'exceeds its memory'
  /** The open turn, if there is one. */
  | 'answers the turn'
  /** A process that was told to end does. */
  | 'ends'
  /** The wait before a restart is over. */
  | 'cools down'
  /** Longer than a server may idle, a drain may last and a restart counts. */
  | 'time passes'

/** What may happen to a server. */
export type Happening = HostHappening | WorldHappening

/** Where a server is while the model is in a state, and how many processes of it live. */
export interface LifecycleMeta {
  lifecycle: LifecycleState
  alive: 0 | 1
}

/** What the model knows besides. */
export interface LifecycleModelContext {
  /** Whether the server is kept alive without a turn. */
  wanted: boolean
  /** Whether a turn waits or runs. */
  turn: boolean
  /** Restarts that count. */
  spent: number
  /** Probes in a row that were lost. */
  lost: number
  /** Which configuration was healthy last: the one in use, another one, or none yet. */
  proven: 'none' | 'this' | 'another'
  /** Whether another configuration waits to be used. */
  pending: boolean
  /** Whether the cause of the failure may pass by itself. */
  mayPass: boolean
  /** Whether the present start was requested by a turn after a failure; no restart follows such a start. */
  lastTry: boolean
}
