import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { put } from '../../../../src/machines/fair-queue/sorted.ts'
import { initialHost, type HostContext } from '../../../../src/cluster/machines/host-context.ts'
import { HostHandle, HostRuntime } from '../../../../src/cluster/actors/host-runtime.ts'
import { rebalancing } from '../../../../src/cluster/machines/host-room.ts'
import { unsavedHomes } from '../../../../src/cluster/homes.ts'
import { MemoryCluster } from '../../../../src/cluster/store/memory/memory-store.ts'
import { emptyRoster, noteHost, noteRenewed } from '../../../../src/cluster/liveness.ts'
import { keyOf, type AgentKey } from '../../../../src/cluster/store/cluster-store.ts'
import { factsOf } from '../../../support/cluster-facts.ts'
import { clusterWorld } from '../../../support/cluster-world.ts'
import { ScriptedAgents } from '../../../support/scripted-agents.ts'
import { leaseMs } from '../../../support/scripted-host.ts'

const agentsOf = (tenant: string, count: number): AgentKey[] =>
  Array.from({ length: count }, (_, i) => ({ tenant, agentId: `${tenant}-${i}` }))
const loud = agentsOf('loud', 6)
const quiet = agentsOf('quiet', 1)
const [l0 = { tenant: '', agentId: '' }, l1 = l0, l2 = l0, l3 = l0, l4 = l0] = loud
const [q0 = l0] = quiet

describe('A turn for whose agent no host has room', () => {
  const full = async (hosts = 2) => {
    const world = await clusterWorld(hosts, loud, { maxAgents: 1 })
    for (const agent of loud.slice(0, hosts)) await world.send(agent, `t-${agent.agentId}`)
    await world.clock.advance(leaseMs)
    expect(world.running()).toHaveLength(hosts)
    return world
  }

  it('ends at its time limit, within two leases, and no host keeps the agent', async () => {
    const { send, clock, ends, place, hosts, caller, running } = await full()
    await send(l2, 'late', { deadlineMs: leaseMs })
    await clock.advance(leaseMs * 3)
    expect(ends(l2, 'late')).toMatchObject([{ code: 'deadline_exceeded' }])
    // The next turn does not prefer the host, which has nothing of the agent.
    expect(place(l2)).toMatchObject({ hostId: null, last: null })
    expect(await caller.inbox.next(l2, 0)).toBeUndefined()
    expect(running()).toHaveLength(2)
    expect(hosts.flatMap(({ runner }) => runner.turns)).toHaveLength(2)
  })

  it('stays in the inbox until its time limit, also beside one whose time is over, and runs when there is room', async () => {
    const { send, clock, ends, running } = await full()
    await send(l2, 'late', { deadlineMs: leaseMs })
    await send(l2, 'later', { deadlineMs: leaseMs * 100 })
    await clock.advance(leaseMs * 4)
    expect(ends(l2, 'late')).toHaveLength(1)
    expect(ends(l2, 'later')).toEqual([])
    running()[0]?.finish()
    await clock.advance(leaseMs * 2)
    expect(running().map(({ input }) => input.turnId)).toContain('later')
  })

  it('is cancelled, and ends half an hour after it was sent if it has no limit', async () => {
    const { send, caller, clock, ends } = await full(1)
    await send(l1, 'unlimited')
    await send(l2, 'cancelled')
    await caller.inbox.add(l2, 'cancelled', { type: 'cancel' })
    await clock.advance(leaseMs * 2)
    expect(ends(l2, 'cancelled')).toMatchObject([{ code: 'cancelled' }])
    expect(ends(l1, 'unlimited')).toEqual([])
    for (let i = 0; i < 20; i++) await clock.advance(100_000)
    expect(ends(l1, 'unlimited')).toMatchObject([{ code: 'deadline_exceeded' }])
  })

  it('is not cancelled by a cancel from before it, as of an earlier attempt to send it', async () => {
    const { send, caller, clock, ends } = await full(1)
    await caller.inbox.add(l1, 'again', { type: 'cancel' })
    await send(l1, 'again')
    await clock.advance(leaseMs * 3)
    expect(ends(l1, 'again')).toEqual([])
  })

  it('leaves no replies at its time limit if its agent was removed with them', async () => {
    const { send, clock, cluster, caller } = await full(1)
    const declared = { removed: true, erases: true }
    const { revision = 0 } = cluster.agents.entry(keyOf(l1)) ?? {}
    cluster.agents.change(keyOf(l1), { id: l1.agentId, tenant: l1.tenant, declared }, revision)
    await send(l1, 'late', { deadlineMs: leaseMs })
    await clock.advance(leaseMs * 3)
    expect(await caller.inbox.next(l1, 0)).toBeUndefined()
    expect(factsOf(cluster, l1, 'late')).toEqual([{ kind: 'erased' }])
  })

  it('is looked for by few of many hosts, and without its content', async () => {
    const { send, clock, hosts, ends } = await full(4)
    for (const id of ['t1', 't2']) await send(l4, id, { deadlineMs: leaseMs * 30 })
    await clock.advance(leaseMs)
    let looks = 0
    for (const { inbox } of hosts.map(({ store }) => store)) {
      const heads = inbox.heads.bind(inbox)
      inbox.heads = (agents) => {
        looks++
        return heads(agents)
      }
      inbox.next = () => Promise.reject(new Error('A message was read'))
    }
    await clock.advance(leaseMs * 24)
    // Of four hosts, the first looks each lease, the second each second one, and so on.
    expect(looks).toBeGreaterThanOrEqual(24)
    expect(looks).toBeLessThanOrEqual(24 * (1 + 1 / 2 + 1 / 3 + 1 / 4) + 4)
    expect(ends(l4, 't1')).toEqual([])
  })

  it('ends though the host that looks first cannot', async () => {
    const { send, clock, hosts, ends } = await full(3)
    const looks = new Map<string, number>()
    for (const { id, store } of hosts) {
      const heads = store.inbox.heads.bind(store.inbox)
      store.inbox.heads = (agents) => {
        looks.set(id, (looks.get(id) ?? 0) + 1)
        return heads(agents)
      }
    }
    await send(l3, 'probe', { deadlineMs: leaseMs * 100 })
    await clock.advance(leaseMs * 6)
    const [first] = [...looks].sort((a, b) => b[1] - a[1])
    const blind = hosts.find(({ id }) => id === first?.[0])
    if (!blind) throw new Error('No host has looked')
    blind.store.inbox.heads = () => Promise.reject(new Error('The store does not answer'))
    await send(l3, 'late', { deadlineMs: leaseMs })
    await clock.advance(leaseMs * 4)
    expect(ends(l3, 'late')).toMatchObject([{ code: 'deadline_exceeded' }])
  })

  it('ends with server_died if an earlier owner had begun it', async () => {
    const { send, clock, ends, hosts, owner, cluster } = await clusterWorld(2, loud, { maxAgents: 1 }).then(
      async (world) => {
        await world.send(l0, 't0', { deadlineMs: leaseMs * 2 })
        await world.send(l1, 't1')
        await world.clock.advance(leaseMs)
        return world
      },
    )
    const first = owner(l0)
    await send(l2, 'waits')
    first.link.cut()
    first.actor.stop()
    await clock.advance(leaseMs * 5)
    expect(hosts.filter((host) => host !== first)[0]?.owned).toEqual([keyOf(l1)])
    expect(ends(l0, 't0')).toMatchObject([{ code: 'server_died' }])
    expect(factsOf(cluster, l0, 't0').filter(({ kind }) => kind === 'claimed')).toHaveLength(2)
  })
})

describe('A full host', () => {
  it('gives room to a tenant with fewer agents: running turns of the other finish, its waiting ones wait', async () => {
    const { send, clock, running, ends } = await clusterWorld(1, [...loud, ...quiet], { maxAgents: 3 })
    for (const agent of loud)
      for (const n of [1, 2]) await send(agent, `${agent.agentId}-${n}`, { conversation: 'c' })
    await clock.advance(leaseMs)
    expect(running('loud')).toHaveLength(3)
    await send(q0, 'quiet')
    await clock.advance(leaseMs * 2)
    expect(running('loud')).toHaveLength(3)
    const [first] = running('loud')
    for (const turn of running('loud')) turn.finish()
    await clock.advance(leaseMs)
    expect(running('quiet')).toHaveLength(1)
    expect(running('loud')).toHaveLength(2)
    expect(ends(first?.agent ?? l0, first?.input.turnId ?? '')).toMatchObject([{ kind: 'final' }])
    for (let i = 0; i < 20; i++) {
      running()[0]?.finish()
      await clock.advance(leaseMs)
    }
    for (const agent of loud)
      for (const n of [1, 2]) expect(ends(agent, `${agent.agentId}-${n}`)).toMatchObject([{ kind: 'final' }])
  })

  it('gives no busy agent up for another one of the same tenant', async () => {
    const { send, clock, hosts } = await clusterWorld(1, loud, { maxAgents: 2 })
    for (const agent of loud) await send(agent, `t-${agent.agentId}`)
    await clock.advance(leaseMs * 5)
    expect(hosts[0]?.owned).toHaveLength(2)
    expect([...(hosts[0]?.actor.getSnapshot().context.placements.values() ?? [])]).toMatchObject([
      { stage: 'busy', epoch: 1 },
      { stage: 'busy', epoch: 1 },
    ])
  })
})

describe('Idle agents', () => {
  const many = agentsOf('acme', 12)
  const joined = async (rebalances: boolean) => {
    const world = await clusterWorld(1, many, { rebalances })
    for (const agent of many) await world.send(agent, `t-${agent.agentId}`)
    const [busy, ...others] = world.running()
    for (const turn of others) turn.finish()
    await world.clock.advance(leaseMs)
    world.start('new')
    await world.clock.advance(leaseMs * 30)
    return { ...world, busy }
  }

  it('move to a host that has joined, one in a lease, until it has its share; none moves back', async () => {
    const { hosts, cluster, clock, busy, send, owner } = await joined(true)
    const placesOf = () => many.map((agent) => cluster.places.entry(keyOf(agent))?.value)
    const moved = placesOf().filter((place) => place?.next === 'new')
    expect(moved.length).toBeGreaterThanOrEqual(4)
    expect(moved.length).toBeLessThanOrEqual(6)
    expect(busy?.isOver).toBe(false)
    const before = placesOf()
    await clock.advance(leaseMs * 20)
    expect(placesOf()).toEqual(before)
    for (const agent of many) await send(agent, `again-${agent.agentId}`)
    await clock.advance(leaseMs)
    expect(hosts[1]?.owned).toHaveLength(moved.length)
    const last = many.find((agent) => cluster.places.entry(keyOf(agent))?.value.hostId === 'new') ?? l0
    expect(owner(last).runner.turns.at(-1)?.isOver).toBe(false)
    for (const { runner } of hosts) for (const turn of runner.running) turn.finish()
    await clock.advance(leaseMs * 30)
    expect(hosts[1]?.owned).toHaveLength(moved.length)
  })

  it('stay where their homes are, if homes are not saved', async () => {
    const { hosts } = await joined(false)
    expect(hosts.map(({ owned }) => owned.length)).toEqual([many.length, 0])
  })
})

describe('An agent that waits for room', () => {
  it('is forgotten by its host when its turns are gone', async () => {
    const world = await clusterWorld(1, loud, { maxAgents: 1 })
    await world.send(l0, 't0')
    await world.send(l1, 't1')
    const waiting = () => [...(world.hosts[0]?.actor.getSnapshot().context.waiting.keys() ?? [])]
    await world.clock.advance(leaseMs * 2)
    expect(waiting()).toEqual([keyOf(l1)])
    await world.caller.inbox.remove(l1, 't1')
    await world.clock.advance(leaseMs * 2)
    expect(waiting()).toEqual([])
    expect(world.running()).toHaveLength(1)
  })

  it.each([
    { what: 'keeps idle agents where they are', hostId: null, isMoving: false },
    { what: 'keeps none back when another host has it', hostId: 'h1', isMoving: true },
  ])('$what', ({ hostId, isMoving }) => {
    const hosts = new IdleHosts([10, 10], [0, 0, 0, 0, 0, 0])
    hosts.places.set('acme.w', { hostId })
    const { waiting, due, ...context } = hosts.contextOf('h0')
    const now = leaseMs * 10
    for (const noted of [
      { due, waiting: put(waiting, 'acme.w', now) },
      { waiting, due: put(due, 'acme.w', undefined) },
    ])
      expect(rebalancing({ ...context, ...noted }, now) !== undefined).toBe(isMoving)
  })
})

/** Hosts with idle agents, as their decisions see them. */
class IdleHosts {
  readonly capacities: ReadonlyMap<string, number>
  /** Owner of each agent, or the host that should claim the agent next. */
  readonly places = new Map<string, { hostId: string | null; next?: string }>()
  readonly moves = new Map<string, number>()

  /** The last host has joined, and has no agents. */
  constructor(capacities: readonly number[], agents: readonly number[]) {
    this.capacities = new Map(capacities.map((max, i) => [`h${i}`, max]))
    for (const [i, host] of agents.entries())
      this.places.set(`acme.a${i}`, { hostId: `h${host % (capacities.length - 1)}` })
  }

  contextOf(hostId: string): HostContext {
    const [store, runner] = [new MemoryCluster().connect(), new ScriptedAgents([])]
    const runtime = new HostHandle(new HostRuntime({ store, runner, homes: unsavedHomes }))
    const input = { runtime, hostId, leaseMs, maxAgents: 1_000, idleMs: 1, rebalances: true }
    const now = leaseMs * 10
    let roster = noteRenewed(emptyRoster(leaseMs), now)
    for (const [id, max] of this.capacities) {
      const record = { incarnation: id, beat: 0, state: 'up', used: 0, opencode: '', max } as const
      roster = noteHost(roster, id, { record, revision: 1, now })
    }
    let { places, placements } = initialHost(input)
    for (const [key, place] of this.places) {
      const record = { epoch: 1, incarnation: null, last: null, ...place }
      places = put(places, key, { record, revision: 1 })
      if (place.hostId === hostId) placements = put(placements, key, { stage: 'idle', epoch: 1, since: 0 })
    }
    return { ...initialHost(input), roster, places, placements }
  }

  /** Lets each host move an agent if it should, all at the same moment. */
  rebalance(): boolean {
    const decided = [...this.capacities.keys()].map((id) => rebalancing(this.contextOf(id), leaseMs * 10))
    const moves = decided.filter((move) => move !== undefined)
    for (const { key, next } of moves) {
      this.places.set(key, { hostId: null, next })
      this.moves.set(key, (this.moves.get(key) ?? 0) + 1)
    }
    return moves.length > 0
  }

  /** Lets the agents that were given away have a turn. */
  claim(): void {
    for (const [key, { next }] of this.places) if (next !== undefined) this.places.set(key, { hostId: next })
  }
}

describe('Rebalancing', () => {
  it('comes to rest, and moves no agent twice while the hosts stay', () => {
    const capacity = fc.oneof(fc.constant(10), fc.constant(10), fc.integer({ min: 1, max: 20 }))
    const capacities = fc.array(capacity, { minLength: 2, maxLength: 6 })
    const agents = fc.array(fc.nat(4), { maxLength: 40 })
    fc.assert(
      fc.property(
        capacities,
        agents,
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        (max, on, claims) => {
          const hosts = new IdleHosts(max, on)
          let isMoving = true
          for (const isClaimed of claims) {
            isMoving = hosts.rebalance()
            if (isClaimed) hosts.claim()
          }
          expect(isMoving).toBe(false)
          expect(Math.max(0, ...hosts.moves.values())).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('fills a host that has joined many others, though each of them has little more than its share', () => {
    const hosts = new IdleHosts(
      Array.from({ length: 6 }, () => 10),
      Array.from({ length: 30 }, (_, i) => i),
    )
    for (let i = 0; i < 20; i++) hosts.rebalance()
    const given = [...hosts.places.values()].filter(({ next }) => next === 'h5')
    expect(given.length).toBeGreaterThanOrEqual(3)
    expect(given.length).toBeLessThanOrEqual(5)
  })

  it('does not overfill one host with the agents of many', () => {
    const loads = [...Array.from({ length: 10 }, () => 5), 1, ...Array.from({ length: 8 }, () => 3), 0]
    const hosts = new IdleHosts(
      loads.map(() => 10),
      loads.flatMap((load, host) => Array.from({ length: load }, () => host)),
    )
    for (let i = 0; i < 40; i++) {
      hosts.rebalance()
      hosts.claim()
    }
    expect(Math.max(...hosts.moves.values())).toBe(1)
  })
})
