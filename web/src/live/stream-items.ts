import type { ClosedBy, FleetEvent, FleetStatus, PendingRequest } from '../api/types.ts'

/** Turn that waits or runs. */
export interface LiveTurn {
  turn_id: string
  agent_id: string
  state: 'queued' | 'running'
  /** Time of the state, in epoch ms. */
  at: number
}

/** Request that has closed while the view was open. */
export interface ClosedRequest {
  /** End of the request; `unknown` if it closed while the stream was down. */
  by: ClosedBy | 'unknown'
  at: number
  pending: PendingRequest
}

/** News of the fleet for the view, in order. */
export type StreamItem =
  /** Status of all agents; the events before do not count any more. */
  | { type: 'snapshot'; status: FleetStatus }
  /** Status with those agents only that have changed. */
  | { type: 'status'; status: FleetStatus }
  /** All open requests, read after the last snapshot. */
  | { type: 'requests'; items: readonly PendingRequest[] }
  /** Turns that another page of the browser has seen begin. */
  | { type: 'turns'; items: readonly LiveTurn[] }
  | FleetEvent

/** Connection of the browser with the gateway. */
export interface Connection {
  state: 'connecting' | 'live' | 'waiting' | 'unauthorized' | 'forbidden'
  /** Time of the state, in epoch ms. */
  since: number
  /** Number of attempts that have failed since the last success. */
  attempt: number
  /** Time of the next attempt, in epoch ms. */
  retryAt?: number
  message?: string
  /** Difference between the clock of the gateway and that of the browser, in ms. */
  clockOffset?: number
}

/** Message of the feed to a page. */
export type FeedMessage =
  { type: 'items'; items: readonly StreamItem[] } | { type: 'connection'; connection: Connection }

/** Message of a page to the feed. */
export type PageMessage = 'join' | 'leave' | 'retry'
