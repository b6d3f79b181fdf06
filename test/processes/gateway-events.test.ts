import { describe, expect, it } from 'vitest'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { openEvents, type ServerEvent } from '../support/gateway-reader.ts'

/** Status of a fleet, as far as the tests read it. */
interface Status {
  agents: { id: string; state: string }[]
  memory: { used_mb: number }
}

describe('GET /v1/events?status_ms', () => {
  it('repeats the status in order, with those agents only that have changed since', async () => {
    const { fleet, url, all, client } = await fakeGateway()
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    await using events = await openEvents({ url: `${url}/v1/events?status_ms=1000`, token: all.token })
    const agentsOf = ({ data }: ServerEvent) => (data as Status).agents.map(({ id }) => id)
    const status = () => events.until(({ event }) => event === 'status')
    expect(agentsOf(await events.until(({ event }) => event === 'snapshot'))).toEqual(['a1', 'a2'])
    expect(agentsOf(await status())).toEqual([])
    await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const seen: string[] = []
    const next = await events.until((event) => {
      seen.push(event.event)
      return event.event === 'status' && agentsOf(event).length > 0
    })
    // The status contains what the events before it have told, and nothing else.
    expect(agentsOf(next)).toEqual(['a1'])
    expect((next.data as Status).agents).toMatchObject([{ state: expect.any(String) as string }])
    expect(seen).toContain('turn.queued')
    expect(next.id).toBeUndefined()
  })

  it('refuses a time that is too short', async () => {
    const { client } = await fakeGateway()
    const { status, body } = await client.call('GET', '/v1/events?status_ms=10')
    expect([status, body]).toMatchObject([400, { field: 'status_ms' }])
  })
})

describe('GET /v1/agents/{id}/events', () => {
  it('lists the last events of the agent only, the oldest first, as the stream has them', async () => {
    const { fleet, url, all, client } = await fakeGateway()
    await using events = await openEvents({ url: `${url}/v1/events`, token: all.token })
    await events.next()
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    for (const id of ['a1', 'a2'])
      await client.call('POST', `/v1/agents/${id}/turns?wait=true`, { text: 'echo:hi' })
    const streamed: unknown[] = []
    await events.until(({ data, event }) => {
      const { agent_id } = data as { agent_id: string }
      if (agent_id === 'a1') streamed.push(data)
      return agent_id === 'a2' && event === 'turn.ended'
    })
    const list = async (query = '') =>
      ((await client.call('GET', `/v1/agents/a1/events${query}`)).body as { items: unknown[] }).items
    const items = await list()
    expect(items.slice(0, streamed.length)).toEqual(streamed)
    expect(items[0]).toMatchObject({ type: 'agent.added', agent_id: 'a1' })
    expect(await list('?limit=2')).toEqual(items.slice(-2))
  })

  it('is 404 for an agent that the token may not see', async () => {
    const own = testToken(['read'], { agents: ['a2'] })
    const { fleet, client } = await fakeGateway({ gateway: { tokens: [own.record] } })
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const as = client.as(own.token)
    expect((await as.call('GET', '/v1/agents/a1/events')).status).toBe(404)
    expect((await as.call('GET', '/v1/agents/a2/events')).status).toBe(200)
  })
})
