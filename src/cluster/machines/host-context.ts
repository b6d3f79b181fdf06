import { byText, sorted, type Sorted } from '../../machines/fair-queue/sorted.ts'
import type { HostHandle } from '../actors/host-runtime.ts'
import type { Lease } from '../actors/join.ts'
import type { LeaseFact } from '../actors/lease.ts'
import type { SweeperFact, WatchFact } from '../actors/watches.ts'
import { emptyRoster, type Roster } from '../liveness.ts'
import type { Known, PlaceRecord } from '../store/records.ts'
import type { PlacementStage, StageReport } from './placement-machine.ts'

/** Input of the machine of a host. */
export interface HostInput {
  readonly runtime: HostHandle
  readonly hostId: string
  readonly leaseMs: number
  /** Maximum number of agents that the host owns at the same time. */
  readonly maxAgents: number
  /** Time without a turn after which the host gives an agent up, in ms. */
  readonly idleMs: number
  /** True to give idle agents to hosts that have fewer than their share. False where homes stay on their hosts. */
  readonly rebalances: boolean
}

/** Agent on this host, as the host's decisions see it. */
export interface Placement {
  readonly stage: PlacementStage
  /** Epoch of the ownership; 0 before the claim. */
  readonly epoch: number
  /** Time since which the agent is in the stage, in ms of the system's clock. */
  readonly since: number
}

/** Context of the machine of a host: plain data, and one opaque handle. */
export interface HostContext extends HostInput {
  /** Lease of this run; `null` before the host has joined. */
  readonly lease: Lease | null
  readonly roster: Roster
  /** Hosts that were judged dead. */
  readonly dead: ReadonlySet<string>
  /** Owners of agents as the watch shows them. */
  readonly places: Sorted<string, Known<PlaceRecord>>
  /** Agents that this host owns or claims. */
  readonly placements: Sorted<string, Placement>
  /** Agents with turns that another host should claim first, until this host's turn comes. */
  readonly due: Sorted<string>
  /** Agents with turns whose claim waits for the end of others, or for room, with the time since when, in ms. */
  readonly waiting: Sorted<string, number>
  /** True if the host is to leave. */
  readonly isLeaving: boolean
  /** Time for running turns to finish when the host leaves, in ms. */
  readonly drainMs: number
}

/** Events of the machine of a host. */
export type HostEvent =
  | WatchFact
  | SweeperFact
  | LeaseFact
  | StageReport
  | { type: 'claim.due'; key: string }
  | { type: 'host.drain'; drainMs: number }

/** Returns the context of a host that has not joined. */
export const initialHost = (input: HostInput): HostContext => ({
  ...input,
  lease: null,
  roster: emptyRoster(input.leaseMs),
  dead: new Set(),
  places: sorted(byText),
  placements: sorted(byText),
  due: sorted(byText),
  waiting: sorted(byText),
  isLeaving: false,
  drainMs: 0,
})
