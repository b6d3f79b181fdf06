import { describe, expect, it } from 'vitest'
import { fakeGateway } from '../support/gateway.ts'

/** Serves an agent that has had two conversations. */
async function served() {
  const made = await fakeGateway()
  await made.fleet.put({ id: 'a1' })
  const titles = ['First', 'Second']
  const ids: string[] = []
  for (const title of titles) {
    const session = made.fleet.agent('a1').session({ title })
    await session.turn('echo:hi').done
    ids.push(await session.id)
  }
  return { ...made, ids }
}

describe('the sessions of a gateway', () => {
  it('are listed in pages, and searched by title', async () => {
    const { client, ids } = await served()
    const list = async (query = '') => (await client.call('GET', `/v1/agents/a1/sessions${query}`)).body
    const [older, newer] = ids
    expect(await list('?limit=1')).toMatchObject({
      items: [{ id: newer, title: 'Second' }],
      next_before: newer,
    })
    expect(await list(`?limit=1&before=${newer ?? ''}`)).toMatchObject({
      items: [{ id: older }],
      next_before: null,
    })
    expect(await list('?search=first')).toMatchObject({ items: [{ id: older }] })
    expect(await list('?before=ses_gone')).toMatchObject({ status: 400, field: 'before' })
  })

  it('show their turns with the replies as they were', async () => {
    const { client, ids } = await served()
    const { body } = await client.call('GET', `/v1/sessions/${ids[0] ?? ''}/history?agent=a1`)
    expect(body).toMatchObject({ items: [{ text: 'echo:hi' }], next_before: null })
    expect(JSON.stringify(body)).toMatch(/"kind":"final"/)
    expect(JSON.stringify(body)).toMatch(/"message_id":"msg/)
  })

  it('are deleted', async () => {
    const { client, ids } = await served()
    const path = `/v1/sessions/${ids[0] ?? ''}`
    expect((await client.call('DELETE', `${path}?agent=a1`)).status).toBe(204)
    expect((await client.call('GET', `${path}/history?agent=a1`)).body).toMatchObject({
      status: 404,
      code: 'ERR_OPENCODE_SESSION_NOT_FOUND',
    })
  })

  it('need their agent, and an id that a session can have', async () => {
    const { client, ids } = await served()
    const path = `/v1/sessions/${ids[0] ?? ''}/history`
    expect((await client.call('GET', path)).body).toMatchObject({ status: 400, field: 'agent' })
    expect((await client.call('GET', `${path}?agent=a2`)).status).toBe(404)
    expect((await client.call('GET', '/v1/sessions/nothing/history?agent=a1')).status).toBe(404)
    expect((await client.call('DELETE', '/v1/sessions/ses_none?agent=a1')).status).toBe(404)
  })
})
