import { assign, enqueueActions, setup } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import { drop, put, putKey } from '../../machines/fair-queue/sorted.ts'
import { garbage } from '../actors/garbage.ts'
import { join, leave } from '../actors/join.ts'
import { lease, type LeaseCommand } from '../actors/lease.ts'
import { quotas, type QuotaCommand } from '../actors/quotas.ts'
import { sweeper, watches, type SweeperCommand } from '../actors/watches.ts'
import { noteJoining, noteRenewed } from '../liveness.ts'
import { agentOf } from '../store/cluster-store.ts'
import { withoutStale } from './claimable.ts'
import { type HostContext, type HostEvent, type HostInput } from './host-context.ts'
import {
  deadHosts,
  decideClaim,
  hasClaimLeft,
  isReplaced,
  mayEndOverdue,
  overduePosition,
  onHostChanged,
  onPlaceChanged,
} from './host-decisions.ts'
import { firstWaiting, rebalancing } from './host-room.ts'
import {
  placementMachine,
  type PlacementEvent,
  type PlacementInput,
  type PlacementOutput,
} from './placement-machine.ts'

/** Returns the id of the placement of an agent among the children of its host. */
const placementId = (key: string): string => `place:${key}`

/** Time for the turns of an agent that makes room to finish: as long as they take, in ms. */
const longestDrainMs = 2 ** 31 - 1

/** Part of XState's enqueuer that carries out the decisions of a host. */
interface Enqueue {
  assign: (changes: Partial<HostContext>) => void
  sendTo: (target: string, event: PlacementEvent | SweeperCommand | LeaseCommand | QuotaCommand) => void
  raise: (event: { type: 'claim.due'; key: string }, options: { delay: number; id: string }) => void
  spawnChild: (src: 'placement', options: { id: string; input: PlacementInput }) => void
}

const types = {} as { context: HostContext; events: HostEvent; input: HostInput }

/** Considers an agent that has turns: claims it, waits for other hosts, or makes room. Returns the changed context. */
function consider(
  enqueue: Enqueue,
  context: HostContext,
  { key, now, isDue = false }: { key: string; now: number; isDue?: boolean },
): HostContext {
  const decision = decideClaim(context, key, now, isDue)
  if (decision.act === 'claim') return startClaim(enqueue, context, { key, now })
  if (decision.act === 'wait' && !context.due.has(key)) {
    enqueue.raise({ type: 'claim.due', key }, { delay: decision.ms, id: `due:${key}` })
    return { ...context, due: putKey(context.due, key) }
  }
  if (decision.act !== 'queue' && decision.act !== 'evict') return context
  const waiting = { ...context, waiting: put(context.waiting, key, context.waiting.get(key) ?? now) }
  if (decision.act === 'queue' || decision.victim === undefined) return waiting
  return giveUp(enqueue, waiting, { key: decision.victim, now })
}

function startClaim(
  enqueue: Enqueue,
  context: HostContext,
  { key, now, isForOverdue = false }: { key: string; now: number; isForOverdue?: boolean },
): HostContext {
  const { runtime, hostId, leaseMs, idleMs, roster, lease: own } = context
  const place = context.places.get(key) ?? null
  const owner = place?.record.hostId
  enqueue.spawnChild('placement', {
    id: placementId(key),
    input: {
      ...{ runtime, hostId, leaseMs, idleMs, place, isForOverdue },
      agent: agentOf(key),
      incarnation: own?.incarnation ?? '',
      leaseRevision: (owner != null && roster.hosts.get(owner)?.revision) || 0,
    },
  })
  return { ...context, placements: put(context.placements, key, { stage: 'claiming', epoch: 0, since: now }) }
}

/** Gives an agent up. Running turns finish, however long they take. */
function giveUp(
  enqueue: Enqueue,
  context: HostContext,
  { key, now, next }: { key: string; now: number; next?: string },
): HostContext {
  const placement = context.placements.get(key)
  if (!placement) return context
  const drainMs = longestDrainMs
  enqueue.sendTo(placementId(key), {
    type: 'placement.release',
    drainMs,
    ...(next !== undefined && { next }),
  })
  return {
    ...context,
    placements: put(context.placements, key, { ...placement, stage: 'ending', since: now }),
  }
}

/** Returns the runs of hosts. */
const runsOf = ({ hosts }: HostContext['roster'], ids: ReadonlySet<string>): [string, string][] =>
  [...ids].map((id) => [id, hosts.get(id)?.record.incarnation ?? ''])

/** Considers the agents again that wait for room, or for the end of other claims, as long as there is room. */
function considerWaiting(enqueue: Enqueue, context: HostContext, now: number): HostContext {
  let changed = context
  for (
    let key = firstWaiting(changed);
    key !== undefined && hasClaimLeft(changed);
    key = firstWaiting(changed)
  ) {
    const since = changed.waiting.get(key) ?? now
    const waiting = drop(changed.waiting, key)
    changed = consider(enqueue, { ...changed, waiting }, { key, now, isDue: true })
    if (!changed.waiting.has(key)) continue
    return { ...changed, waiting: put(changed.waiting, key, since) }
  }
  return changed
}

const keyOfPlacement = (actorId: string): string | undefined =>
  actorId.startsWith(placementId('')) ? actorId.slice(placementId('').length) : undefined

/** Setup of the machine of a host: its actors, guards and actions. */
export const hostSetup = setup({
  types,
  actors: { join, leave, lease, watches, sweeper, garbage, quotas, placement: placementMachine },
  guards: {
    isEmpty: ({ context }) => context.placements.size === 0,
    isLeavingEmpty: ({ context }) => context.placements.size === 0 && context.isLeaving,
    isLeaving: ({ context }) => context.isLeaving,
  },
  actions: {
    noteHost: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'host.changed') return
      const { key, value } = event.change
      const known = context.roster.hosts.get(key)?.record
      enqueue.assign(onHostChanged(context, event.change, clockOf(system).now()))
      // A host that has left, or was started anew, has left its agents behind.
      if (known && known.incarnation !== value?.incarnation) enqueue.sendTo('sweeper', { type: 'sweep' })
    }),
    notePlace: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'place.changed') return
      const { key, value } = event.change
      const changed = { ...context, ...onPlaceChanged(context, event.change) }
      enqueue.assign({ places: changed.places })
      if (isReplaced(changed, key)) enqueue.sendTo(placementId(key), { type: 'placement.lost' })
      // A turn may have come while the agent was given up.
      if (value?.hostId === null && changed.places !== context.places)
        enqueue.sendTo('sweeper', { type: 'sweep.agent', key })
    }),
    notePlaceOnly: assign(({ context, event }) =>
      event.type === 'place.changed' ? onPlaceChanged(context, event.change) : {},
    ),
    noteHostOnly: assign(({ context, event, system }) =>
      event.type === 'host.changed' ? onHostChanged(context, event.change, clockOf(system).now()) : {},
    ),
    noteJoined: assign(({ context, event, system }) => ({
      lease: (event as unknown as { output: HostContext['lease'] }).output,
      roster: noteRenewed(noteJoining(context.roster), clockOf(system).now()),
      dead: new Set<string>(),
    })),
    noteRenewed: assign(({ context, system }) => ({
      roster: noteRenewed(context.roster, clockOf(system).now()),
    })),
    noteStage: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'placement.stage') return
      const { key, stage, epoch } = event
      const now = clockOf(system).now()
      if (!context.placements.has(key)) return
      const placements = put(context.placements, key, { stage, epoch, since: now })
      const changed = considerWaiting(enqueue, { ...context, placements }, now)
      enqueue.assign({ placements: changed.placements, due: changed.due, waiting: changed.waiting })
    }),
    noteStageOnly: assign(({ context, event, system }) => {
      if (event.type !== 'placement.stage' || !context.placements.has(event.key)) return {}
      const { key, stage, epoch } = event
      return { placements: put(context.placements, key, { stage, epoch, since: clockOf(system).now() }) }
    }),
    /** Forgets a placement that has ended, or failed with a defect. */
    forgetPlacement: enqueueActions(({ context, event, enqueue }) => {
      const { actorId } = event as unknown as { actorId: string }
      const key = keyOfPlacement(actorId)
      if (key === undefined) return
      enqueue.stopChild(actorId)
      enqueue.assign({ placements: drop(context.placements, key) })
    }),
    /** Looks for a turn that has come while its agent was given up. */
    lookIntoReleased: enqueueActions(({ event, enqueue }) => {
      const { output } = event as unknown as { output?: Partial<PlacementOutput> }
      if (output?.outcome === 'released' && output.key !== undefined)
        enqueue.sendTo('sweeper', { type: 'sweep.agent', key: output.key })
    }),
    considerWaiting: enqueueActions(({ context, enqueue, system }) => {
      const { placements, due, waiting } = considerWaiting(enqueue, context, clockOf(system).now())
      enqueue.assign({ placements, due, waiting })
    }),
    considerMail: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'mail.added' || !event.news.isTurn) return
      const key = `${event.news.agent.tenant}.${event.news.agent.agentId}`
      const { placements, due, waiting } = consider(enqueue, context, { key, now: clockOf(system).now() })
      enqueue.assign({ placements, due, waiting })
    }),
    passMail: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'mail.added') return
      const key = `${event.news.agent.tenant}.${event.news.agent.agentId}`
      if (context.placements.has(key))
        enqueue.sendTo(placementId(key), { type: 'mail.noticed', seq: event.news.seq })
    }),
    considerPending: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'mail.pending') return
      const now = clockOf(system).now()
      const known = event.isAll ? { ...context, waiting: withoutStale(context, event.keys, now) } : context
      const { placements, due, waiting } = event.keys.reduce(
        (changed, key) => consider(enqueue, changed, { key, now }),
        known,
      )
      enqueue.assign({ placements, due, waiting })
      const left = event.isAll ? event.keys.filter((key) => waiting.has(key)) : []
      const agents = left.map((key) => ({ key, position: overduePosition(context, key, now) }))
      if (left.length > 0) enqueue.sendTo('sweeper', { type: 'sweep.overdue', agents })
    }),
    endOverdue: enqueueActions(({ context, event, enqueue, system }) => {
      const now = clockOf(system).now()
      if (event.type !== 'mail.overdue' || !mayEndOverdue(context, event.key, now)) return
      const { placements } = startClaim(enqueue, context, { key: event.key, now, isForOverdue: true })
      enqueue.assign({ placements })
    }),
    rebalance: enqueueActions(({ context, event, enqueue, system }) => {
      const now = clockOf(system).now()
      const move = event.type === 'mail.pending' && event.isAll ? rebalancing(context, now) : undefined
      if (move) enqueue.assign({ placements: giveUp(enqueue, context, { ...move, now }).placements })
    }),
    lookIntoPending: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'mail.pending') return
      for (const key of event.keys)
        if (context.placements.has(key)) enqueue.sendTo(placementId(key), { type: 'mail.look' })
    }),
    lookIntoAll: enqueueActions(({ context, enqueue }) => {
      for (const key of context.placements.keys()) enqueue.sendTo(placementId(key), { type: 'mail.look' })
    }),
    considerDue: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'claim.due') return
      const { key } = event
      const ready = { ...context, due: drop(context.due, key) }
      const now = clockOf(system).now()
      const { placements, due, waiting } = consider(enqueue, ready, { key, now, isDue: true })
      enqueue.assign({ placements, due, waiting })
    }),
    forgetDue: assign(({ context, event }) =>
      event.type === 'claim.due' ? { due: drop(context.due, event.key) } : {},
    ),
    lookForDead: enqueueActions(({ context, enqueue, system }) => {
      const dead = deadHosts(context, clockOf(system).now())
      const isNews = [...dead].some((id) => !context.dead.has(id))
      if (isNews || dead.size !== context.dead.size) enqueue.assign({ dead })
      if (!isNews) return
      enqueue.sendTo('sweeper', { type: 'sweep' })
      enqueue.sendTo('quotas', { type: 'quota.dead', dead: runsOf(context.roster, dead) })
    }),
    sweep: enqueueActions(({ enqueue }) => enqueue.sendTo('sweeper', { type: 'sweep' })),
    tellUse: enqueueActions(({ context, enqueue }) =>
      enqueue.sendTo('lease', { type: 'lease.use', used: context.placements.size }),
    ),
    noteDrain: assign(({ event }) =>
      event.type === 'host.drain' ? { isLeaving: true, drainMs: event.drainMs } : {},
    ),
    tellDrain: enqueueActions(({ enqueue }) => enqueue.sendTo('lease', { type: 'lease.drain' })),
    releaseAll: enqueueActions(({ context: { placements, drainMs }, enqueue }) => {
      for (const key of placements.keys())
        enqueue.sendTo(placementId(key), { type: 'placement.release', drainMs })
    }),
    loseAll: enqueueActions(({ context, enqueue }) => {
      for (const key of context.placements.keys())
        enqueue.sendTo(placementId(key), { type: 'placement.lost' })
    }),
  },
})
