import { describe, expect, it, onTestFinished } from 'vitest'
import { callerPartsOf } from '../../../../src/cluster/client/caller.ts'
import { ClusterAgents } from '../../../../src/gateway/cluster/cluster-agents.ts'
import type { SeenEvent } from '../../../../src/gateway/events/agent-source.ts'
import { noUsage } from '../../../../src/replies.ts'
import { CallerWorld } from '../../../support/cluster-caller.ts'
import { clusterGateway } from '../../../support/cluster-gateway.ts'
import { reportOf, startedEvent } from '../../../support/reports.ts'

/** Starts the agents of a gateway that hears the host h1, with what they tell. */
async function heardAgents() {
  const world = await CallerWorld.start()
  const { fleet, cluster, turns } = await clusterGateway(world)
  const parts = callerPartsOf(cluster)
  if (!parts) throw new Error('The caller has no parts')
  const closing = new AbortController()
  onTestFinished(() => closing.abort())
  const agents = new ClusterAgents({
    ...{ fleet, hostId: 'h9', parts, requests: turns.requests, closed: closing.signal },
  })
  const seen: SeenEvent[] = []
  agents.events$.subscribe((event) => seen.push(event))
  const { reports } = world.memory.connect()
  const report = async (...of: Parameters<typeof reportOf>): Promise<void> => {
    reports.send('h1', reportOf(...of))
    await world.clock.advance()
  }
  agents.open()
  return { world, watch: parts.watch, closing, seen, report }
}

describe('The agents of a gateway in a cluster', () => {
  it('tell that a turn has ended, also if another host got the agent just before the report', async () => {
    const { world, seen, report } = await heardAgents()
    const owner = { incarnation: 'i', last: 'h1' }
    world.memory.places.change('acme.a1', { epoch: 2, hostId: 'h2', ...owner }, 0)
    const of = { seq: 1, at: 5, agentId: 'a1', tenant: 'acme' }
    const turn = { turnId: 't1', traceId: null, code: 'final', usage: noUsage() } as const
    const ended = { ...of, ...turn, type: 'turn.ended' } as const
    const lifecycle = { state: 'idle', at: 5, restarts: 0 } as const
    const idle = { ...of, type: 'agent.lifecycle', lifecycle } as const
    await report({ events: [ended, idle].map((value) => ({ epoch: 1, value })) })
    expect(seen).toEqual([{ ...ended, hostId: 'h1' }])
  })

  it('listen to nothing any more when the gateway is closed', async () => {
    const { watch, closing, seen, report } = await heardAgents()
    expect(watch.changed$.observed).toBe(true)
    closing.abort()
    expect(watch.changed$.observed).toBe(false)
    await report({ events: [{ epoch: 1, value: startedEvent('a1') }] })
    expect(seen).toEqual([])
  })
})
