import { describe, expect, it } from 'vitest'
import type { AgentKey } from '../../../../src/cluster/store/cluster-store.ts'
import { clusterWorld } from '../../../support/cluster-world.ts'
import { leaseMs } from '../../../support/scripted-host.ts'

const agentsOf = (tenant: string, count: number): AgentKey[] =>
  Array.from({ length: count }, (_, i) => ({ tenant, agentId: `${tenant}-${i}` }))
const [capped, free] = [agentsOf('acme', 8), agentsOf('free', 8)]

describe('A cap of a tenant', () => {
  const start = async (cap: number) => {
    const world = await clusterWorld(3, [...capped, ...free], { caps: { acme: cap } })
    for (const agent of [...capped, ...free]) await world.send(agent, `t-${agent.agentId}`)
    await world.clock.advance(leaseMs)
    return world
  }

  it('holds over all hosts, each of which gets its turn, and other tenants have none', async () => {
    const { running, hosts, clock, ends } = await start(2)
    expect(hosts.filter(({ owned }) => owned.some((key) => key.startsWith('acme')))).toHaveLength(3)
    expect(running('free')).toHaveLength(free.length)
    for (let i = 0; i < capped.length; i++) {
      expect(running('acme')).toHaveLength(Math.min(2, capped.length - i))
      running('acme')[0]?.finish()
      await clock.advance(20)
    }
    for (const agent of capped) expect(ends(agent, `t-${agent.agentId}`)).toMatchObject([{ kind: 'final' }])
  })

  it('gives the places of a dead host to the others', async () => {
    const { running, hosts, clock } = await start(1)
    const busy = hosts.find(({ runner }) => runner.running.some(({ agent }) => agent.tenant === 'acme'))
    busy?.link.cut()
    busy?.actor.stop()
    for (const turn of busy?.runner.running ?? []) turn.cancel()
    await clock.advance(leaseMs * 2)
    expect(running('acme')).toHaveLength(1)
  })

  it('gives the places of a host that has left to the others at once', async () => {
    const { running, hosts, clock } = await start(1)
    const busy = hosts.find(({ runner }) => runner.running.some(({ agent }) => agent.tenant === 'acme'))
    busy?.drain(0)
    await clock.advance(leaseMs / 2)
    expect(busy?.state).toBe('left')
    expect(running('acme')).toHaveLength(1)
  })

  it('holds though its record was deleted', async () => {
    const { running, cluster, clock, ends } = await start(2)
    cluster.quotas.change('acme', undefined, cluster.quotas.entry('acme')?.revision ?? 0)
    for (let i = 0; i < capped.length; i++) {
      expect(running('acme')).toHaveLength(Math.min(2, capped.length - i))
      running('acme')[0]?.finish()
      await clock.advance(leaseMs / 2)
    }
    for (const agent of capped) expect(ends(agent, `t-${agent.agentId}`)).toMatchObject([{ kind: 'final' }])
  })

  it('holds though the answers of the store are lost for a while', async () => {
    const { running, hosts, clock } = await start(2)
    for (const host of hosts) host.link.losesAnswers = true
    await clock.advance(leaseMs / 4)
    for (const host of hosts) host.link.losesAnswers = false
    for (let i = 0; i < capped.length; i++) {
      await clock.advance(leaseMs / 4)
      expect(running('acme').length).toBeLessThanOrEqual(2)
      running('acme')[0]?.finish()
    }
    await clock.advance(leaseMs / 4)
    expect(running('acme')).toEqual([])
  })
})
