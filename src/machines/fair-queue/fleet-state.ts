import { noRecent, type Recent } from './recent.ts'
import { byText, sorted, type Sorted } from './sorted.ts'
import { byStanding, virtualMsAt, type Standing, type TenantState } from './tenant-state.ts'
import type { AgentState } from './agent-state.ts'
import type { Item, Limits, Share, Slot } from './types.ts'

/** Running entry, and its start, in ms. */
export interface Running {
  readonly item: Item
  readonly startedAt: number
}

/** Virtual time of a tenant, as a key. */
export interface Debt {
  readonly tenant: string
  readonly virtualMs: number
}

/** All values of a queue. A version of a queue never changes its state; a change works on a shallow copy. */
export interface FleetState {
  readonly limits: Limits
  readonly shares: Readonly<Record<string, Share>>
  readonly fallback: Share
  items: Sorted<string, Item>
  running: Sorted<string, Running>
  /** Waiting entries that stand for running turns, first come. */
  resuming: Sorted<number, Item>
  agents: Sorted<string, AgentState>
  tenants: Sorted<string, TenantState>
  /** Tenants without running turns that have an offer, by list. Their virtual times stand still. */
  standings: Record<Slot, Sorted<Standing>>
  /** Tenants with running turns: a few, whose virtual times are computed when asked for. */
  busy: Sorted<string, TenantState>
  /** Tenants with waiting turns and no running turn, by virtual time. */
  waiting: Sorted<Debt>
  /** Virtual times of tenants without entries that are above `floor`, by tenant and by time. */
  debts: Sorted<string, number>
  debtsByTime: Sorted<Debt>
  /** Smallest virtual time of the active tenants when a tenant last became inactive. */
  floor: number
  recentAgents: Recent
  recentTenants: Recent
  /** Sum of the weights of the tenants with turns. */
  activeWeight: number
  /** Number of turns. */
  runningTurns: number
  queuedTurns: number
  /** Number of entries, and of admissions, so far. */
  entries: number
  admissions: number
  /** Latest moment seen, in ms. */
  clock: number
  /** Time from which minutes are counted: when the queue was last empty. */
  epoch: number
  /** Mean duration of ended turns, newer ones count more; in ms. `undefined` if no turn has ended. */
  meanMs: number | undefined
}

const byVirtualTime = (a: Debt, b: Debt): number => a.virtualMs - b.virtualMs || byText(a.tenant, b.tenant)
const bySeq = (a: number, b: number): number => a - b
const noStandings = sorted<Standing>(byStanding)
const noDebts = sorted<Debt>(byVirtualTime)

export const emptyFleet = (
  limits: Limits,
  shares: Readonly<Record<string, Share>>,
  fallback: Share,
): FleetState => ({
  limits,
  shares,
  fallback,
  items: sorted(byText),
  running: sorted(byText),
  resuming: sorted<number, Item>(bySeq),
  agents: sorted(byText),
  tenants: sorted(byText),
  standings: {
    'ready.turn': noStandings,
    'ready.operation': noStandings,
    'cold.turn': noStandings,
    'cold.operation': noStandings,
    'held.turn': noStandings,
    'held.operation': noStandings,
  },
  busy: sorted(byText),
  waiting: noDebts,
  debts: sorted(byText),
  debtsByTime: noDebts,
  floor: 0,
  recentAgents: noRecent,
  recentTenants: noRecent,
  activeWeight: 0,
  runningTurns: 0,
  queuedTurns: 0,
  entries: 0,
  admissions: 0,
  clock: 0,
  epoch: 0,
  meanMs: undefined,
})

export const shareOf = ({ shares, fallback }: FleetState, tenant: string): Share =>
  (Object.hasOwn(shares, tenant) ? shares[tenant] : undefined) ?? fallback

/** Returns the smallest virtual time of the tenants with turns, or the last known one, in ms. */
export function smallestVirtualMs(state: FleetState, now: number): number {
  let smallest = state.waiting.minKey()?.virtualMs ?? Infinity
  state.busy.forEachPair((_, tenant) => {
    smallest = Math.min(smallest, virtualMsAt(tenant, now))
  })
  return smallest === Infinity ? state.floor : smallest
}
