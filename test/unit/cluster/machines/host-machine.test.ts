import { describe, expect, it } from 'vitest'
import { FencedHomeError, fenceHome } from '../../../../src/cluster/homes/home-register.ts'
import type { Homes } from '../../../../src/cluster/homes.ts'
import { keyOf, type AgentKey } from '../../../../src/cluster/store/cluster-store.ts'
import { factsOf } from '../../../support/cluster-facts.ts'
import { clusterWorld } from '../../../support/cluster-world.ts'
import { leaseMs } from '../../../support/scripted-host.ts'

const agents: AgentKey[] = ['a1', 'a2', 'a3', 'a4'].map((agentId) => ({ tenant: 'acme', agentId }))
const [a1 = { tenant: '', agentId: '' }, a2 = a1] = agents

const world = (count: number, limits: Parameters<typeof clusterWorld>[2] = {}) =>
  clusterWorld(count, agents, limits)

describe('A host', () => {
  it('joins, and runs the turns of agents that nobody owns', async () => {
    const { hosts, cluster, send, owner, ends, clock } = await world(1)
    expect(hosts[0]?.state).toBe('member.serving.steady')
    expect(cluster.hosts.entry('h1')?.value).toMatchObject({ state: 'up', max: 100, used: 0 })
    await send(a1, 't1')
    owner(a1).runner.turns[0]?.finish()
    await clock.advance(leaseMs / 3)
    expect(ends(a1, 't1')).toMatchObject([{ kind: 'final' }])
    expect(cluster.hosts.entry('h1')?.value.used).toBe(1)
  })

  it('finds turns that came before it', async () => {
    const { send, start, owner } = await world(0)
    await send(a1, 't1')
    start()
    await send(a1, 't2')
    expect(owner(a1).runner.turns).toHaveLength(2)
  })

  it('owns an agent alone, though all hosts hear of its turns', async () => {
    const { hosts, send, place, clock } = await world(3)
    for (const agent of agents) await send(agent, `t-${agent.agentId}`)
    await clock.advance(leaseMs)
    expect(hosts.flatMap(({ owned }) => owned).sort()).toEqual(agents.map(keyOf))
    for (const agent of agents) expect(place(agent)?.epoch).toBe(1)
  })

  it('takes over the agents of a dead host within 1.2 leases, and ends what ran there', async () => {
    const { send, owner, other, ends, clock } = await world(2)
    await send(a1, 't1')
    const first = owner(a1)
    first.runner.turns[0]?.delta('Hel')
    await clock.advance(10)
    first.link.cut()
    first.clock.isPaused = true
    await clock.advance(leaseMs * 1.2)
    expect(ends(a1, 't1')).toMatchObject([{ code: 'server_died', partial: 'Hel' }])
    await send(a1, 't2')
    expect(other(first).runner.turns.at(-1)?.input.turnId).toBe('t2')
  })

  it('that is cut off ends everything 0.8 lease after its last good renewal, and joins again', async () => {
    const { hosts, send, owner, other, clock } = await world(2)
    await send(a1, 't1')
    const first = owner(a1)
    const turn = first.runner.turns[0]
    first.link.cut()
    await clock.advance(leaseMs * 0.8)
    expect(turn?.isOver).toBe(true)
    expect(first.runner.opened.size).toBe(0)
    expect(first.warnings).toEqual([expect.stringContaining('the lease has expired') as string])
    expect(first.state).toBe('joining')
    await clock.advance(leaseMs)
    expect(other(first).owned).toEqual(['acme.a1'])
    first.link.mend()
    await clock.advance(leaseMs)
    expect(hosts.map(({ state }) => state)).toEqual(['member.serving.steady', 'member.serving.steady'])
    expect(first.owned).toEqual([])
  })

  it('that was paused stores nothing of its old turns, and accuses nobody', async () => {
    const { send, owner, other, ends, clock, place } = await world(2)
    await send(a1, 't1')
    await send(a2, 't2')
    const paused = owner(a1)
    paused.clock.isPaused = true
    await clock.advance(leaseMs * 3)
    expect(ends(a1, 't1')).toMatchObject([{ code: 'server_died' }])
    const before = place(a2)
    paused.runner.turns[0]?.delta('late')
    paused.runner.turns[0]?.finish()
    paused.clock.resume()
    await clock.advance(leaseMs)
    expect(ends(a1, 't1')).toHaveLength(1)
    expect(place(a2)?.hostId).toBe(before?.hostId)
    expect(paused.state).toBe('member.serving.steady')
    expect(other(paused).owned).toContain('acme.a1')
  })

  it('keeps its agents if acknowledgements of renewals are lost for a while', async () => {
    const { send, owner, clock } = await world(2)
    await send(a1, 't1')
    const first = owner(a1)
    first.link.losesAnswers = true
    while (first.state === 'member.serving.steady') await clock.advance(10)
    expect(first.state).toBe('member.serving.doubtful')
    await clock.advance(leaseMs * 0.2)
    first.link.losesAnswers = false
    await clock.advance(leaseMs * 2)
    expect(first.state).toBe('member.serving.steady')
    expect(first.runner.turns[0]?.isOver).toBe(false)
  })

  it('is fenced by another run of the same host', async () => {
    const { hosts, start, clock } = await world(1)
    start('h1')
    await clock.advance(100)
    expect(hosts[1]?.state).toBe('member.serving.steady')
    const states: string[] = []
    hosts[0]?.actor.subscribe(({ value }) => states.push(JSON.stringify(value)))
    await clock.advance(leaseMs)
    expect(states).toContain('"joining"')
    expect(hosts[0]?.warnings[0]).toContain('another process has joined with the name of this host')
  })

  it('claims nothing while its lease is late', async () => {
    const { hosts, send, ownerOf, clock } = await world(1)
    const [host] = hosts
    if (host) host.link.losesAnswers = true
    await clock.advance(leaseMs * 0.7)
    await send(a1, 't1')
    expect(ownerOf(a1)).toBeUndefined()
    if (host) host.link.losesAnswers = false
    await clock.advance(leaseMs)
    expect(ownerOf(a1)).toBe(host)
  })

  it('gives an agent up that is idle, and the same host claims it again', async () => {
    const { send, owner, place, clock, cluster } = await world(2, { idleMs: 10_000 })
    await send(a1, 't1')
    const first = owner(a1)
    first.runner.turns[0]?.finish()
    await clock.advance(10_100)
    expect(place(a1)).toEqual({ epoch: 1, hostId: null, incarnation: null, last: first.id })
    expect(first.runner.opened.size).toBe(0)
    await send(a1, 't2')
    expect(owner(a1)).toBe(first)
    expect(factsOf(cluster, a1, 't2')[0]).toEqual({ kind: 'claimed', hostId: first.id })
  })

  it('that is full makes room by an idle agent, and takes the next turn then', async () => {
    const { send, hosts, clock, owner } = await world(1, { maxAgents: 1 })
    await send(a1, 't1')
    await send(a2, 't2')
    await clock.advance(leaseMs)
    expect(hosts[0]?.owned).toEqual(['acme.a1'])
    owner(a1).runner.turns[0]?.finish()
    await clock.advance(leaseMs * 1.5)
    expect(hosts[0]?.owned).toEqual(['acme.a2'])
    expect(hosts[0]?.runner.turns.at(-1)?.input.turnId).toBe('t2')
  })

  it('drains: running turns finish here, waiting ones run elsewhere, and the lease goes', async () => {
    const { send, owner, other, ends, clock, cluster } = await world(2)
    await send(a1, 't1', { conversation: 'c' })
    await send(a1, 't2', { conversation: 'c' })
    const first = owner(a1)
    first.drain()
    await clock.advance(leaseMs)
    expect(first.state).toBe('member.draining')
    expect(cluster.hosts.entry(first.id)?.value.state).toBe('draining')
    first.runner.turns[0]?.finish()
    await clock.advance(leaseMs)
    expect(first.state).toBe('left')
    expect(ends(a1, 't1')).toMatchObject([{ kind: 'final' }])
    expect(cluster.hosts.entry(first.id)).toBeUndefined()
    other(first).runner.turns.at(-1)?.finish()
    await clock.advance(leaseMs)
    expect(ends(a1, 't2')).toMatchObject([{ kind: 'final' }])
  })

  it('drains within its time limit; the next owner ends what ran', async () => {
    const { send, owner, ends, clock } = await world(2)
    await send(a1, 't1')
    const first = owner(a1)
    first.drain(2_000)
    await clock.advance(2_000 + leaseMs)
    expect(first.state).toBe('left')
    expect(ends(a1, 't1')).toMatchObject([{ code: 'server_died' }])
  })

  it('tells each turn of an agent that cannot be opened, and lets it go after a lease', async () => {
    const { hosts, send, ends, clock } = await world(1)
    const [host] = hosts
    if (host) host.runner.openingError = new Error('The home is locked')
    await send(a1, 't1')
    expect(ends(a1, 't1')).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    await clock.advance(leaseMs * 1.1)
    expect(host?.owned).toEqual([])
  })

  it('claims an agent again if the answer to its claim was lost', async () => {
    const { hosts, send, owner, clock, place } = await world(1)
    const [host] = hosts
    if (host) host.link.losesAnswers = true
    await send(a1, 't1')
    expect(place(a1)?.epoch).toBe(1)
    if (host) host.link.losesAnswers = false
    await clock.advance(leaseMs * 1.1)
    expect(place(a1)?.epoch).toBeGreaterThan(1)
    expect(owner(a1).runner.turns).toHaveLength(1)
  })

  it('leaves a turn alone whose agent it cannot run', async () => {
    const { send, hosts, clock } = await world(1)
    await send({ tenant: 'acme', agentId: 'unknown' }, 't1')
    await clock.advance(leaseMs)
    expect(hosts[0]?.owned).toEqual([])
  })
})

/** Homes that are only counted. */
function countedHomes(): Homes & { calls: string[] } {
  const calls: string[] = []
  const note = (call: string) => async (): Promise<void> => {
    calls.push(call)
    await Promise.resolve()
  }
  return { calls, savesHomes: true, savesBeforeEnd: true, restore: note('restore'), save: note('save') }
}

describe('A host that saves homes', () => {
  it('restores a home before the first turn, and saves it before each end and each release', async () => {
    const { start, send, clock, ends } = await world(0)
    const homes = countedHomes()
    const host = start('h1', { homes })
    await clock.advance(leaseMs)
    await send(a1, 't1')
    expect(homes.calls).toEqual(['restore'])
    host.runner.turns[0]?.finish()
    await clock.advance(leaseMs)
    expect(ends(a1, 't1')).toMatchObject([{ kind: 'final' }])
    expect(homes.calls).toEqual(['restore', 'save'])
    host.drain()
    await clock.advance(leaseMs)
    expect(homes.calls).toEqual(['restore', 'save', 'save'])
  })

  it('that cannot restore a home owns the agent, and tells the reason to each turn', async () => {
    const { start, send, clock, ends } = await world(0)
    const homes = countedHomes()
    start('h1', {
      homes: { ...homes, restore: () => Promise.reject(new Error('the saved home is missing')) },
    })
    await clock.advance(leaseMs)
    await send(a1, 't1')
    expect(ends(a1, 't1')).toMatchObject([
      { code: 'server_unavailable', error: expect.stringContaining('the saved home is missing') as string },
    ])
    expect(homes.calls).toEqual([])
  })

  it('that cannot restore a home leaves the agent to any other host, then', async () => {
    const { start, send, clock, ends, owner } = await world(0)
    const homes = countedHomes()
    const first = start('h1', { homes: { ...homes, restore: () => Promise.reject(new Error('no space')) } })
    await clock.advance(leaseMs)
    for (const agent of agents) await send(agent, `${agent.agentId}-1`)
    start('h2', { homes })
    await clock.advance(leaseMs * 2)
    expect(first.owned).toEqual([])
    for (const agent of agents) {
      await send(agent, `${agent.agentId}-2`)
      await clock.advance(leaseMs)
      expect(owner(agent).id).toBe('h2')
      expect(ends(agent, `${agent.agentId}-2`)).toEqual([])
    }
  })

  it('that cannot restore a home gives the agent up also while turns come again and again', async () => {
    const { start, send, clock, owner } = await world(0)
    const homes = countedHomes()
    start('h1', { homes: { ...homes, restore: () => Promise.reject(new Error('no space')) } })
    await clock.advance(leaseMs)
    await send(a1, 't0')
    start('h2', { homes })
    for (let n = 1; n <= 6; n++) {
      await send(a1, `t${n}`)
      await clock.advance(leaseMs / 3)
    }
    expect(owner(a1).id).toBe('h2')
  })

  it('whose home another owner has fenced ends no turn', async () => {
    const { start, send, clock, ends } = await world(0)
    const homes = countedHomes()
    const fenced = [new FencedHomeError('another owner')]
    const restore = (): Promise<void> => {
      const error = fenced.pop()
      return error ? Promise.reject(error) : Promise.resolve()
    }
    const host = start('h1', { homes: { ...homes, restore } })
    await clock.advance(leaseMs)
    await send(a1, 't1')
    await clock.advance(leaseMs * 2)
    expect(fenced).toEqual([])
    expect(ends(a1, 't1')).toEqual([])
    expect(host.runner.running).toHaveLength(1)
  })

  it('leaves an agent whose home is of a newer opencode to a host that has it, and takes it if there is none', async () => {
    const { start, send, clock, place } = await world(0)
    const newer = start('h2', { homes: countedHomes(), opencode: '1.2.0' })
    await clock.advance(leaseMs)
    for (const agent of agents) await send(agent, `${agent.agentId}-1`)
    for (const turn of newer.runner.running) turn.finish()
    newer.drain()
    await clock.advance(leaseMs)
    expect(agents.map((agent) => place(agent)?.opencode)).toEqual(agents.map(() => '1.2.0'))
    const older = start('h1', { homes: countedHomes(), opencode: '1.1.0' })
    const back = start('h3', { homes: countedHomes(), opencode: '1.2.0' })
    await clock.advance(leaseMs)
    for (const agent of agents) await send(agent, `${agent.agentId}-2`)
    await clock.advance(leaseMs)
    expect(older.owned).toEqual([])
    expect(back.owned).toHaveLength(agents.length)
    back.drain()
    for (const turn of back.runner.running) turn.finish()
    await clock.advance(leaseMs)
    for (const agent of agents) await send(agent, `${agent.agentId}-3`)
    await clock.advance(leaseMs)
    expect(older.owned).toHaveLength(agents.length)
  })

  it('deletes the objects of former owners within 15 minutes', async () => {
    const { start, clock, cluster, caller } = await world(0)
    start('h1', { homes: countedHomes() })
    await caller.objects.put('a1.1.x', new Uint8Array([1]))
    await fenceHome(caller, a1, 2)
    await clock.advance(900_000)
    expect([...cluster.objects.keys()]).toEqual([])
  })

  it('lets its servers live from one good renewal to the next', async () => {
    const { start, clock } = await world(0)
    const host = start('h1')
    const fed: number[] = []
    host.runner.keepAlive = (ms) => void fed.push(clock.now(), ms)
    await clock.advance(leaseMs)
    expect(fed.length / 2).toBeGreaterThanOrEqual(3)
    expect(new Set(fed.filter((_, i) => i % 2 === 1))).toEqual(new Set([leaseMs * 0.8]))
    const count = fed.length
    host.link.cut()
    await clock.advance(leaseMs)
    expect(fed).toHaveLength(count)
  })
})
