import type { Fleet } from '../api/fleet/fleet.ts'
import type { Cluster } from '../cluster/client/cluster.ts'
import type { ClusterHost } from '../cluster/cluster-host.ts'
import type { Authority } from './access/authority.ts'
import type { HostPaths } from './access/host-paths.ts'
import type { HostPolicy } from './access/host-policy.ts'
import type { OriginPolicy } from './access/origin-policy.ts'
import type { RequestCounter } from './http/request-counter.ts'
import type { ResolvedGatewayOptions } from './options.ts'
import type { AgentSource } from './events/agent-source.ts'
import type { TurnLog } from './turns/turn-log.ts'
import type { TurnSource } from './turns/turn-source.ts'

/** Phase of a gateway's life. */
export type GatewayPhase = 'starting' | 'ready' | 'failed' | 'draining' | 'closed'

/** State of a gateway, which only the gateway itself changes. */
export interface GatewayState {
  readonly phase: GatewayPhase
  /** Error of the phase `failed`. */
  readonly error?: unknown
}

/** Cluster of a gateway. */
export interface GatewayCluster {
  readonly handle: Cluster
  /** Host that the fleet is in the cluster; `undefined` for a gateway whose fleet owns no agents. */
  readonly host: Pick<ClusterHost, 'id'> | undefined
}

/** Parts and state that all routes of one gateway share. */
export interface GatewayContext {
  readonly fleet: Fleet
  /** Cluster whose agents the gateway serves; `undefined` for a gateway of one fleet. */
  readonly cluster: GatewayCluster | undefined
  /** States and events of the agents. */
  readonly agents: AgentSource
  /** Runs the turns. */
  readonly turns: TurnSource
  readonly log: TurnLog
  readonly authority: Authority
  readonly hosts: HostPolicy
  readonly origins: OriginPolicy
  /** Mask of the paths of the host in answers. */
  readonly paths: HostPaths
  readonly requests: RequestCounter
  readonly options: ResolvedGatewayOptions
  readonly state: GatewayState
  /** Signal that ends all streams when the gateway has closed. */
  readonly closed: AbortSignal
}
