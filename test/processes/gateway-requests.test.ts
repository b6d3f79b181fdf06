import { describe, expect, it } from 'vitest'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { openEvents } from '../support/gateway-reader.ts'

interface Pending {
  request: { id: string; type: string }
  turn_id: string
}
const itemsOf = ({ body }: { body: never }) => (body as { items: Pending[] }).items

describe('a request of a turn', () => {
  it('is shown to all readers, and takes one answer of two people', async () => {
    const other = testToken(['read', 'approve'], { agents: ['a2'] })
    const { fleet, client, url, all } = await fakeGateway({ gateway: { tokens: [other.record] } })
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const body = { text: 'permission', on_permission: 'ask' }
    const turn = { url: `${url}/v1/agents/a1/turns`, token: all.token, method: 'POST', body }
    const reader = await openEvents(turn)
    const asked = (await reader.until(({ event }) => event === 'request')).data as Pending
    const [open] = itemsOf(await client.call('GET', '/v1/requests'))
    expect(open).toEqual(asked)
    expect(open).toMatchObject({ request: { type: 'permission' }, agent_id: 'a1' })
    const path = `/v1/requests/${asked.request.id}/answer`
    const ofOther = client.as(other.token)
    expect(itemsOf(await ofOther.call('GET', '/v1/requests'))).toEqual([])
    expect((await ofOther.call('POST', path, { reply: 'once' })).status).toBe(404)
    expect((await client.call('POST', path, { answers: [['A']] })).status).toBe(400)
    expect((await client.call('POST', path, { reply: 'maybe' })).status).toBe(400)
    const both = await Promise.all([1, 2].map(() => client.call('POST', path, { reply: 'once' })))
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409])
    expect((await reader.until(({ event }) => event === 'request_closed')).data).toEqual({
      request_id: asked.request.id,
      by: 'answer',
    })
    expect((await reader.rest()).at(-1)).toMatchObject({ event: 'reply', data: { kind: 'final' } })
    expect((await client.call('POST', path, { reply: 'once' })).status).toBe(409)
    expect((await ofOther.call('POST', path, { reply: 'once' })).status).toBe(404)
    expect((await client.call('POST', '/v1/requests/none/answer', { reply: 'once' })).status).toBe(404)
  })

  it('that is a question takes its answers', async () => {
    const { fleet, client } = await fakeGateway()
    await fleet.apply([{ id: 'a1' }])
    const body = { text: 'question', on_question: 'ask' }
    const ended = client.call('POST', '/v1/agents/a1/turns?wait=true', body)
    await expect
      .poll(async () => itemsOf(await client.call('GET', '/v1/requests')), { timeout: 10_000 })
      .toHaveLength(1)
    const [open] = itemsOf(await client.call('GET', '/v1/requests'))
    const path = `/v1/requests/${open?.request.id ?? ''}/answer`
    expect((await client.call('POST', path, { answers: [['B']] })).status).toBe(204)
    expect((await ended).body).toMatchObject({ kind: 'final' })
  })
})

describe('the events of the gateway', () => {
  it('begin with a snapshot, and go on without a hole for a reader that joins again', async () => {
    const { fleet, client, url, all } = await fakeGateway()
    await fleet.apply([{ id: 'a1' }])
    const asked = { url: `${url}/v1/events`, token: all.token }
    const reader = await openEvents(asked)
    const snapshot = await reader.next()
    expect(snapshot).toMatchObject({ event: 'snapshot', data: { agents: [{ id: 'a1', state: 'idle' }] } })
    await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const seen = [await reader.next()]
    reader.leave()
    await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const again = await openEvents({ ...asked, headers: { 'last-event-id': seen[0]?.id ?? '' } })
    while (seen.filter((event) => event?.event === 'turn.ended').length < 2) seen.push(await again.next())
    again.leave()
    const first = Number(snapshot?.id) + 1
    expect(seen.map((event) => Number(event?.id))).toEqual(seen.map((_, i) => first + i))
    for (const event of seen) expect(event?.data).toMatchObject({ type: event?.event, agent_id: 'a1' })
    const late = await openEvents({ ...asked, headers: { 'last-event-id': '999999999' } })
    expect([(await late.next())?.event, (await late.next())?.event]).toEqual(['gap', 'snapshot'])
    late.leave()
  })

  it('tell a token of one agent nothing about others', async () => {
    const own = testToken(['read'], { agents: ['a1'] })
    const { fleet, client, url } = await fakeGateway({ gateway: { tokens: [own.record] } })
    await fleet.apply([{ id: 'a1' }, { id: 'a2', tenant: 'other' }])
    const reader = await openEvents({ url: `${url}/v1/events`, token: own.token })
    const snapshot = await reader.next()
    expect(snapshot?.data).toMatchObject({ agents: [{ id: 'a1' }], tenants: { default: {} } })
    expect(JSON.stringify(snapshot)).not.toMatch(/a2|other/)
    for (const id of ['a2', 'a1'])
      await client.call('POST', `/v1/agents/${id}/turns?wait=true`, { text: 'hi' })
    const event = await reader.next()
    expect(event?.data).toMatchObject({ agent_id: 'a1' })
    reader.leave()
  })
})
