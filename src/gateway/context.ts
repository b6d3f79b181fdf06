import type { Fleet } from '../api/fleet/fleet.ts'
import type { Caller } from './access/caller.ts'
import type { ProblemError } from './http/problem.ts'
import type { ResolvedGatewayOptions } from './options.ts'
import type { TurnLog } from './turns/turn-log.ts'

/** Check of callers. */
export interface Authority {
  /**
   * Returns the caller of a request, or the problem that refuses it, returned or thrown.
   *
   * @param request - The request, with its body unread.
   * @param address - Address of the client, if known.
   */
  authenticate(
    request: Request,
    address: string | undefined,
  ): Caller | ProblemError | Promise<Caller | ProblemError>
}

/** Phase of a gateway's life. */
export type GatewayPhase = 'starting' | 'ready' | 'failed' | 'draining' | 'closed'

/** State of a gateway, which only the gateway itself changes. */
export interface GatewayState {
  readonly phase: GatewayPhase
  /** Error of the phase `failed`, and of a log that cannot be used. */
  readonly error?: unknown
}

/** What all routes of one gateway share. */
export interface GatewayContext {
  readonly fleet: Fleet
  readonly log: TurnLog
  readonly authority: Authority
  readonly options: ResolvedGatewayOptions
  readonly state: GatewayState
  /** Signal that ends all streams when the gateway has closed. */
  readonly closed: AbortSignal
}

/** Value of a metric, with its labels. */
export interface MetricSample {
  value: number
  labels?: Readonly<Record<string, string>>
}

/** Metric of a gateway, as `/metrics` shows it. */
export interface Metric {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: readonly MetricSample[]
}
