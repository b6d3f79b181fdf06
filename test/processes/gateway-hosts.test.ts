import { describe, expect, it, vi } from 'vitest'
import { removeAgent } from '../../src/gateway/declare-agents.ts'
import { testToken } from '../support/gateway.ts'
import { openEvents, type ServerEvent } from '../support/gateway-reader.ts'
import { GatewayHosts, type GatewayHost } from '../support/gateways.ts'
import { openedLog } from '../support/turn-log.ts'

interface Agent {
  id: string
  status: { state: string; host_id?: string; turns: { running: number }; open_requests: number }
}
interface Snapshot {
  servers: { running: number; max: number }
  turns: { running: number }
  agents: { id: string; state: string; host_id?: string }[]
}
interface Told {
  agent_id: string
  host_id?: string
  turn_id?: string
  pending?: { request: { id: string } }
  request_id?: string
  by?: string
}

const agents = ['a1', 'a2', 'b1'].map((id) => ({ id, tenant: id === 'b1' ? 'blue' : 'acme' }))

/** Starts two hosts, of which the first one has all agents. */
async function twoHosts() {
  const hosts = new GatewayHosts()
  const first = await hosts.start('h1', { agents })
  await first.client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
  const acme = testToken(['read'], { tenant: 'acme' })
  const second = await hosts.start('h2', { gateway: { tokens: [acme.record] } })
  await vi.waitUntil(() => second.fleet.status.agents.length === agents.length, { timeout: 15_000 })
  return { hosts, first, second, acme }
}
const eventsAt = ({ url, all }: GatewayHost, headers: Record<string, string> = {}, token = all.token) =>
  openEvents({ url: `${url}/v1/events`, token, headers })
const agentAt = async ({ client }: GatewayHost, id: string) =>
  (await client.call('GET', `/v1/agents/${id}`)).body as Agent
const ask = { text: 'permission', on_permission: 'ask' }
const told = ({ data }: ServerEvent) => data as Told
const after = (event: ServerEvent) => ({ 'last-event-id': event.id ?? '' })

/** Waits until a gateway knows that an agent on another host is in a state. */
const untilState = (host: GatewayHost, id: string, state: string) =>
  vi.waitUntil(async () => (await agentAt(host, id)).status.state === state, { timeout: 10_000 })

describe('The gateway of a host in a cluster', () => {
  it('tells the states and events of agents on other hosts, live and numbered as its own', async () => {
    const { first, second } = await twoHosts()
    await untilState(second, 'a1', 'healthy')
    expect((await agentAt(second, 'a1')).status).toMatchObject({ host_id: 'h1', turns: { running: 0 } })
    expect((await agentAt(first, 'a1')).status.host_id).toBeUndefined()
    await using events = await eventsAt(second)
    const snapshot = (await events.next()) as ServerEvent
    expect(snapshot).toMatchObject({ event: 'snapshot' })
    const { servers, agents: shown } = snapshot.data as Snapshot
    expect(servers.running).toBe(1)
    expect(servers.max).toBe(2 * first.fleet.status.servers.max)
    expect(shown.find(({ id }) => id === 'a1')).toMatchObject({ state: 'healthy', host_id: 'h1' })

    const { body } = await second.client.call('POST', '/v1/agents/a1/turns', ask)
    const { turn_id: turnId } = body as { turn_id: string }
    const opened = await events.until(({ event }) => event === 'request.opened')
    expect(told(opened)).toMatchObject({ agent_id: 'a1', host_id: 'h1', turn_id: turnId })
    expect((await agentAt(second, 'a1')).status).toMatchObject({ open_requests: 1, turns: { running: 1 } })
    const requestId = told(opened).pending?.request.id ?? ''
    const answered = await vi.waitUntil(
      async () => {
        const { status } = await second.client.call('POST', `/v1/requests/${requestId}/answer`, {
          reply: 'once',
        })
        return status === 204
      },
      { timeout: 15_000 },
    )
    expect(answered).toBe(true)
    const closed = await events.until(({ event }) => event === 'request.closed')
    expect(told(closed)).toMatchObject({ request_id: requestId, by: 'answer', host_id: 'h1' })
    const ended = await events.until(({ event }) => event === 'turn.ended')
    expect(told(ended)).toMatchObject({ turn_id: turnId })
    const ids = [snapshot, opened, closed, ended].map(({ id }) => Number(id))
    expect(ids).toEqual([...ids].sort((one, two) => one - two))

    // A reader that joins again has each event once.
    await using again = await eventsAt(second, after(opened))
    const types: string[] = []
    await again.until((event) => types.push(event.event) > 0 && event.id === ended.id)
    expect(types).toContain('request.closed')
    expect(types).not.toContain('gap')
    expect(types).not.toContain('agent.added')
    // The ids are those of one gateway.
    await using atFirst = await eventsAt(first, after(opened))
    expect((await atFirst.next())?.event).toBe('gap')
    const kept = (await second.client.call('GET', '/v1/agents/a1/events')).body as { items: Told[] }
    expect(kept.items.some(({ request_id }) => request_id === requestId)).toBe(true)
  })

  it('tells a token nothing of agents that it may not see', async () => {
    const { first, second, acme } = await twoHosts()
    await untilState(second, 'a1', 'healthy')
    await using events = await eventsAt(second, {}, acme.token)
    const snapshot = await events.next()
    expect((snapshot?.data as Snapshot | undefined)?.agents.map(({ id }) => id)).toEqual(['a1', 'a2'])
    await first.client.call('POST', '/v1/agents/b1/turns?wait=true', { text: 'echo:hi' })
    await first.client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const seen: string[] = []
    await events.until((event) => {
      seen.push(told(event).agent_id)
      return event.event === 'turn.ended'
    })
    expect(new Set(seen)).toEqual(new Set(['a1']))
    expect(second.all.token).not.toBe(acme.token)
  })

  it('sends the status again after events were missed, and when a host dies', async () => {
    const { first, second } = await twoHosts()
    await untilState(second, 'a1', 'healthy')
    await using events = await eventsAt(second)
    const snapshot = (await events.next()) as ServerEvent
    second.store.link.cut()
    await first.client.call('POST', '/v1/agents/a2/turns?wait=true', { text: 'echo:hi' })
    second.store.link.mend()
    const gap = await events.until(({ event }) => event === 'gap')
    expect((gap.data as { oldest: number }).oldest).toBeGreaterThan(Number(snapshot.id))
    const next = (await events.next()) as ServerEvent
    expect(next.event).toBe('snapshot')
    const stateOf = ({ data }: ServerEvent, id: string) =>
      (data as Snapshot).agents.find((agent) => agent.id === id)
    expect(stateOf(next, 'a2')).toMatchObject({ state: 'healthy', host_id: 'h1' })
    // A reader that was away meanwhile is told the same.
    await using late = await eventsAt(second, after(snapshot))
    expect((await late.next())?.event).toBe('gap')

    await first.client.call('POST', '/v1/agents/a1/turns', ask)
    const opened = await events.until(({ event }) => event === 'request.opened')
    GatewayHosts.cut(first)
    const last = await events.until(
      (event) => event.event === 'snapshot' && stateOf(event, 'a1')?.state === 'idle',
    )
    expect(stateOf(last, 'a1')).not.toHaveProperty('host_id')
    expect(stateOf(last, 'a2')).toMatchObject({ state: 'idle' })
    const closed = await events.until(({ event }) => event === 'request.closed')
    expect(told(closed)).toMatchObject({ request_id: told(opened).pending?.request.id, by: 'turn' })
  })

  it('follows an agent from host to host, and forgets a removed one', async () => {
    const { first, second } = await twoHosts()
    await untilState(second, 'a1', 'healthy')
    await using events = await eventsAt(second)
    await events.next()
    await first.host.drain()
    await vi.waitUntil(async () => (await agentAt(second, 'a1')).status.host_id === undefined, {
      timeout: 15_000,
    })
    await second.client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const here = await agentAt(second, 'a1')
    expect(here.status.state).toBe('healthy')
    expect(here.status.host_id).toBeUndefined()
    const states: string[] = []
    await events.until(({ event, data }) => {
      const { lifecycle, host_id } = data as { lifecycle?: { state: string }; host_id?: string }
      if (lifecycle) states.push(`${lifecycle.state}${host_id ? ` on ${host_id}` : ''}`)
      return event === 'turn.ended'
    })
    expect(states.slice(-1)).toEqual(['healthy'])
    expect(states).toContain('idle on h1')
    await second.fleet.remove('a1')
    expect((await second.client.call('GET', '/v1/agents/a1')).status).toBe(404)
  })

  it('erases the replies of an agent that is removed while NATS is away, when NATS is back', async () => {
    const { fleet, hostStore } = await new GatewayHosts().start('h1', { agents })
    const { log } = await openedLog()
    const erase = vi.spyOn(log, 'erase')
    hostStore.link.cut()
    const options = { drainMs: 0, deleteHome: false }
    const removed = removeAgent({ fleet, log }, { id: 'a2', tenant: 'acme' }, options, 100)
    await expect(removed).rejects.toMatchObject({ fault: 'unavailable' })
    expect(erase).not.toHaveBeenCalled()
    hostStore.link.mend()
    await vi.waitUntil(() => erase.mock.calls.length > 0)
    expect(erase).toHaveBeenCalledWith({ agentId: 'a2', tenant: 'acme' })
  })
})
