import { describe, expect, it } from 'vitest'
import { fakeFleet } from '../support/fleet.ts'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { serveGateway } from '../support/served-gateway.ts'

const turns = '/v1/agents/a1/turns'

/** Starts a gateway with one agent. */
async function withAgent() {
  const made = await fakeGateway()
  await made.fleet.apply([{ id: 'a1' }])
  return made
}

/** Returns a body of a turn whose context is nested as deep as said. */
const nested = (depth: number): string =>
  `{"text":"echo:x","context":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`

describe('a hostile request to a gateway', () => {
  it('starts no turn if it is refused for a header', async () => {
    const { client } = await withAgent()
    const headers = { accept: 'text/event-stream', 'last-event-id': 'x' }
    const refused = await client.call('POST', turns, { text: 'echo:x' }, headers)
    expect(refused).toMatchObject({ status: 400, body: { field: 'Last-Event-ID' } })
    expect((await client.call('GET', '/v1/turns')).body).toMatchObject({ items: [] })
  })

  it('is refused, and named, if a body is nested deeper than code can walk', async () => {
    const { client } = await withAgent()
    for (const [body, key] of [
      [nested(20_000), { 'idempotency-key': 'k' }],
      [nested(20_000).replace('{', '{"resume":true,'), {}],
    ] as const)
      expect(await client.call('POST', turns, body, key)).toMatchObject({
        status: 400,
        body: { field: 'context' },
      })
    const allowed = await client.call('POST', `${turns}?wait=true`, nested(400), { 'idempotency-key': 'k' })
    expect(allowed).toMatchObject({ status: 200, body: { content: 'x' } })
  })

  it('is refused if its body is compressed', async () => {
    const { client } = await withAgent()
    const answer = await client.call('POST', turns, { text: 'echo:x' }, { 'content-encoding': 'gzip' })
    expect(answer).toMatchObject({ status: 415, body: { code: 'ERR_OPENCODE_UNSUPPORTED_MEDIA_TYPE' } })
  })

  it('names the field of a wrong answer, of an agent that is declared twice, and of an empty id', async () => {
    const { client } = await withAgent()
    const answer = (body: object) => client.call('POST', '/v1/requests/per_x/answer', body)
    expect(await answer({ answers: 'a' })).toMatchObject({ status: 400, body: { field: 'answers' } })
    const both = await answer({ reply: 'once', answers: [] })
    expect(both).toMatchObject({ status: 400, body: { detail: 'Unknown field answers' } })
    const twice = await client.call('PUT', '/v1/agents', { agents: [{ id: 'd' }, { id: 'd' }] })
    expect(twice).toMatchObject({ status: 400, body: { field: 'agents[1].id' } })
    const unnamed = await client.call('GET', '/v1/turns?agent=')
    expect(unnamed).toMatchObject({ status: 400, body: { field: 'agent' } })
    expect(unnamed.text).toContain('expected the id of an agent')
  })

  it('names the field of an answer that does not fit the question', async () => {
    const { client, fleet } = await withAgent()
    const asked = new Promise<string>((resolve) =>
      fleet.events$.subscribe((event) => {
        if (event.type === 'request.opened') resolve(event.pending.request.id)
      }),
    )
    const turn = await client.call('POST', turns, { text: 'question', on_question: 'ask' })
    const path = `/v1/requests/${await asked}/answer`
    for (const [body, field] of [
      [{ answers: [] }, 'answers'],
      [{ reply: 'once' }, 'reply'],
    ] as const)
      expect(await client.call('POST', path, body)).toMatchObject({ status: 400, body: { field } })
    await client.call('POST', `/v1/turns/${turn.headers.get('turn-id') ?? ''}/cancel`)
  })

  it('reaches no other path of the server by the id of a session', async () => {
    const { client } = await withAgent()
    const path = '/v1/sessions/ses_..%2F..%2Fconfig?agent=a1'
    expect(await client.call('DELETE', path)).toMatchObject({ status: 404 })
    const turn = await client.call('POST', turns, { text: 'echo:x', session_id: 'ses_a/b' })
    expect(turn).toMatchObject({ status: 400, body: { field: 'session_id' } })
  })

  it('is answered as GET without the body if it is HEAD, also where an answer is a stream', async () => {
    const { fleet } = await fakeFleet()
    const all = testToken(['read'])
    const { send } = await serveGateway({ fleet, tokens: [all.record] })
    for (const path of ['/healthz', '/v1/agents', '/v1/events', '/v1/openapi.json'])
      expect(await send('HEAD', path, { token: all.token }), path).toMatchObject({ status: 200, text: '' })
    expect(await send('HEAD', '/v1/agents')).toMatchObject({ status: 401, text: '' })
    expect(await send('HEAD', turns, { token: all.token })).toMatchObject({ status: 405 })
  })
})
