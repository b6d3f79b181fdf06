import { offerWith } from './agents.ts'
import type { FleetState } from './fleet-state.ts'
import {
  bestOf,
  byOffer,
  byStanding,
  standingOf,
  type Offer,
  type Standing,
  type TenantState,
} from './tenant-state.ts'
import { kinds, type AgentGroup, type FairEntry, type Item, type Slot } from './types.ts'

/** Offer, with the place of its tenant. */
interface Choice {
  readonly standing: Standing
  readonly offer: Offer
}

const isResuming = ({ offer }: Choice): boolean => offer.item.entry.isResuming === true

/** Fair order of two offers. */
const byChoice = (a: Choice, b: Choice): number =>
  Number(isResuming(b)) - Number(isResuming(a)) || byTenant(a, b)

const byTenant = (a: Choice, b: Choice): number =>
  a.standing.tenant === b.standing.tenant ? byOffer(a.offer, b.offer) : byStanding(a.standing, b.standing)

const choiceOf = (tenant: TenantState, offer: Offer, now: number): Choice => ({
  standing: standingOf(tenant, offer.item.seq, now),
  offer,
})

const least = (a: Choice | undefined, b: Choice | undefined): Choice | undefined =>
  a && b ? (byChoice(b, a) < 0 ? b : a) : (a ?? b)

const isFull = ({ runningTurns, limits }: FleetState): boolean => runningTurns >= limits.maxRunningTurns

/** Returns the lists of a group from which an entry may be admitted. */
export const openSlots = (state: FleetState, group: AgentGroup): Slot[] =>
  kinds.filter((kind) => kind === 'operation' || !isFull(state)).map((kind): Slot => `${group}.${kind}`)

/** Returns the entries of a group that stand for running turns, first come. */
export function* resumingEntries({ resuming, agents }: FleetState, group: AgentGroup): Generator<FairEntry> {
  for (const { entry } of resuming.values()) if (agents.get(entry.agentId)?.group === group) yield entry
}

/** Returns the entry that is admitted next, of agents of a group. */
export function firstEntry(state: FleetState, group: AgentGroup, now: number): FairEntry | undefined {
  for (const entry of resumingEntries(state, group)) return entry
  let first: Choice | undefined
  for (const slot of openSlots(state, group)) first = least(first, firstOfSlot(state, slot, now))
  return first?.offer.item.entry
}

function firstOfSlot(state: FleetState, slot: Slot, now: number): Choice | undefined {
  const still = state.standings[slot].minKey()
  let first = still && choiceOfTenant(state.tenants.get(still.tenant), slot, now)
  state.busy.forEachPair((_, tenant) => {
    first = least(first, choiceOfTenant(tenant, slot, now))
  })
  return first
}

function choiceOfTenant(tenant: TenantState | undefined, slot: Slot, now: number): Choice | undefined {
  const offer = tenant && bestOf(tenant, slot)
  return offer && choiceOf(tenant, offer, now)
}

/** True if `a` comes before `b` in the fair order; entries that are not in the queue come last. */
export function isEntryBefore(state: FleetState, a: FairEntry, b: FairEntry, now: number): boolean {
  const [first, second] = [a, b].map(({ turnId }) => choiceOfItem(state, state.items.get(turnId), now))
  return first !== undefined && (second === undefined || byChoice(first, second) < 0)
}

function choiceOfItem(state: FleetState, item: Item | undefined, now: number): Choice | undefined {
  const agent = item && state.agents.get(item.entry.agentId)
  const tenant = agent && state.tenants.get(agent.tenant)
  return tenant && choiceOf(tenant, offerWith(state, agent, item), now)
}
