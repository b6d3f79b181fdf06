import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FairQueue } from '../../../../src/machines/fair-queue.ts'
import { agents, groups, limits, Pair, steps, tenants } from './pair.ts'
import type { Reference, Waiting } from './reference.ts'

/** All that a queue tells. Entries to compare are given by their ids. */
const toldBy = (queue: FairQueue, now: number, ids: readonly string[], heads: readonly string[]) => ({
  firsts: groups.map((group) => queue.first(group, now)?.turnId),
  load: queue.load,
  tenants: queue.tenants(),
  loads: tenants.map((tenant) => queue.loadOf(tenant)),
  agents: agents.map((id) => [queue.loadOfAgent(id), queue.runningOf(id), queue.waitingOf(id)]),
  overflows: agents.map((id) => (['soon', 'later'] as const).map((runs) => queue.overflow(id, 't0', runs))),
  entries: ids.map((id) => [queue.has(id), queue.entry(id)?.turnId, queue.isRunning(id)]),
  before: orderBy(heads, (a, b) => {
    const [first, second] = [queue.entry(a), queue.entry(b)]
    return first !== undefined && second !== undefined && queue.isBefore(first, second, now)
  }),
})

/** The same by the reference. */
const expectedBy = (reference: Reference, now: number, ids: readonly string[], heads: readonly string[]) => ({
  firsts: groups.map((group) => reference.first(group, now)?.turnId),
  load: loadIn(reference, reference.items, limits.maxRunningTurns),
  tenants: tenants.filter((tenant) => reference.ofTenant(tenant).length > 0),
  loads: tenants.map((tenant) => loadOf(reference, tenant)),
  agents: agents.map((id) => {
    const items = reference.ofAgent(id)
    const running = items.filter(({ startedAt }) => startedAt !== undefined).length
    return [loadOfAgent(reference, id), running, items.length - running]
  }),
  overflows: agents.map((id) => (['soon', 'later'] as const).map((runs) => overflow(reference, id, runs))),
  entries: ids.map((id) => {
    const item = reference.item(id)
    return [item !== undefined, item?.entry.turnId, item?.startedAt !== undefined]
  }),
  before: orderBy(heads, (a, b) => {
    const [first, second] = [reference.item(a), reference.item(b)]
    return first !== undefined && second !== undefined && reference.compare(first, second, now) < 0
  }),
})

const orderBy = (ids: readonly string[], isBefore: (a: string, b: string) => boolean): string[] =>
  ids.flatMap((a) => ids.filter((b) => isBefore(a, b)).map((b) => `${a} < ${b}`))

const loadIn = (reference: Reference, items: Waiting[], max: number) => ({
  running: reference.running(items),
  queued: reference.queued(items),
  max,
})

const loadOf = (reference: Reference, tenant: string) =>
  loadIn(reference, reference.ofTenant(tenant), reference.share(tenant).maxRunningTurns)

const loadOfAgent = (reference: Reference, id: string) =>
  loadIn(reference, reference.ofAgent(id), reference.agents.get(id)?.maxRunningTurns ?? 0)

function overflow(reference: Reference, id: string, runs: 'soon' | 'later') {
  const fleet = loadIn(reference, reference.items, limits.maxRunningTurns)
  const [tenant, agent] = [loadOf(reference, 't0'), reference.agents.get(id)]
  const isFull = ({ running, queued, max }: typeof fleet, limit: number): boolean =>
    runs === 'soon' && running < max ? running + queued >= max + limit : queued >= limit
  if (isFull(fleet, limits.maxQueuedTurns)) return 'fleet'
  if (isFull(tenant, reference.share('t0').maxQueuedTurns)) return 'tenant'
  return agent && isFull(loadOfAgent(reference, id), agent.maxQueuedTurns) ? 'agent' : undefined
}

/** Returns what is wrong with the first entries of several agents. */
function faultsOf({ queue, reference, now }: Pair): string[] {
  return groups.flatMap((group) => {
    const several = queue.firstOfEachAgent(group, 3, now)
    const candidates = new Set(reference.candidates(group).map(({ entry }) => entry.turnId))
    const isSomething = reference.first(group, now) !== undefined
    return [
      ...several.filter(({ turnId }) => !candidates.has(turnId)).map(({ turnId }) => `${turnId} may not run`),
      ...(new Set(several.map(({ agentId }) => agentId)).size < several.length ? ['an agent twice'] : []),
      ...(several.length > 3 ? ['too many'] : []),
      ...(several.length > 0 === isSomething ? [] : ['all or nothing missing']),
    ]
  })
}

test('FairQueue does what the rules say, in any sequence of changes', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(steps, (all) => {
      const pair = new Pair()
      for (const next of all) {
        pair.take(next)
        const { queue, reference, now } = pair
        const ids = ['unknown', ...reference.items.map(({ entry }) => entry.turnId)]
        const heads = reference.items
          .filter((item) => reference.isHead(item))
          .map(({ entry }) => entry.turnId)
        expect(toldBy(queue, now, ids, heads)).toEqual(expectedBy(reference, now, ids, heads))
        expect(faultsOf(pair)).toEqual([])
      }
    }),
    { numRuns: 60 },
  )
})

test('an old version tells the same after any later changes', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(steps, (all) => {
      const pair = new Pair()
      const tellers = all.map((next) => {
        pair.take(next)
        const { queue, reference, now } = pair
        const ids = reference.items.map(({ entry }) => entry.turnId)
        const tell = () => ({
          ...toldBy(queue, now, ids, ids),
          several: groups.map((group) => queue.firstOfEachAgent(group, 3, now)),
          waits: agents.map((id) => queue.expectedWaitMs(id, 't0', now)),
        })
        return { tell, was: tell() }
      })
      for (const { tell, was } of tellers) expect(tell()).toEqual(was)
    }),
    { numRuns: 40 },
  )
})
