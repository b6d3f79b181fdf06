import { describe, expect, it } from 'vitest'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { openEvents, openLines, type NumberedReply } from '../support/gateway-reader.ts'

/** Starts a gateway with two agents. */
async function withAgents(options: Parameters<typeof fakeGateway>[0] = {}) {
  const made = await fakeGateway(options)
  await made.fleet.apply([{ id: 'a1' }, { id: 'a2', tenant: 'other' }])
  const { url, all } = made
  const post = (body: object, headers: Record<string, string> = {}) => ({
    ...{ url: `${url}/v1/agents/a1/turns`, token: all.token, method: 'POST', body, headers },
  })
  const replies = (id: string, query = '') => ({
    url: `${url}/v1/turns/${id}/replies${query}`,
    token: all.token,
  })
  return { ...made, post, replies }
}

const numbers = (replies: readonly { seq: number }[]) => replies.map(({ seq }) => seq)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const idOf = ({ headers }: { headers: Headers }): string => headers.get('turn-id') ?? ''
const textOf = (replies: readonly NumberedReply[]) =>
  replies.map((reply) => (reply.kind === 'delta' ? reply.content : '')).join('')

describe('a turn of the gateway', () => {
  it('gives a reader that goes after each reply, also before the first, each reply once, in order', async () => {
    const { post, replies, client } = await withAgents()
    const body = { text: 'every:15 stream:12', trace_id: 't1' }
    const first = await openLines(post(body, { 'idempotency-key': 'k1' }))
    first.leave()
    const id = idOf(first.response)
    const seen: NumberedReply[] = []
    while (seen.at(-1)?.kind !== 'final') {
      const lines = await openLines(replies(id, `?after=${seen.length}`))
      const reply = await lines.next()
      if (reply) seen.push(reply)
      lines.leave()
      const events = await openEvents({
        ...replies(id),
        headers: { 'last-event-id': `${seen.length}` },
      })
      if (seen.at(-1)?.kind === 'final') expect(await events.next()).toBeUndefined()
      else seen.push((await events.until(({ event }) => event === 'reply')).data)
      events.leave()
    }
    expect(numbers(seen)).toEqual(upTo(seen.length))
    expect(seen.at(-1)).toMatchObject({ kind: 'final', trace_id: 't1', content: textOf(seen) })
    const again = await openLines(post(body, { 'idempotency-key': 'k1' }))
    expect(idOf(again.response)).toBe(id)
    expect(await again.rest()).toEqual(seen)
    const turn = await client.call('GET', `/v1/turns/${id}`)
    expect(turn.body).toMatchObject({ turn_id: id, state: 'done', last_seq: seen.length, trace_id: 't1' })
  })

  it('is one turn for three requests with a key, and a request with another body is refused', async () => {
    const { client, fleet } = await withAgents()
    const started: string[] = []
    fleet.events$.subscribe((event) => {
      if (event.type === 'turn.started') started.push(event.turnId)
    })
    const key = { 'idempotency-key': 'same' }
    const body = { text: 'every:20 stream:3', tools: { bash: false } }
    const path = '/v1/agents/a1/turns'
    const answers = await Promise.all([1, 2, 3].map(() => client.call('POST', path, body, key)))
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
    const [id] = answers.map(({ headers }) => headers.get('turn-id'))
    expect(new Set(answers.map(({ headers }) => headers.get('turn-id'))).size).toBe(1)
    const ended = await client.call('POST', `${path}?wait=true`, { tools: body.tools, text: body.text }, key)
    expect(ended).toMatchObject({ status: 200, body: { kind: 'final', content: 'x x x ' } })
    expect(started).toEqual([id])
    const other = await client.call('POST', path, { text: 'other' }, key)
    expect(other).toMatchObject({ status: 422, body: { code: 'ERR_OPENCODE_KEY_REUSED' } })
    const ofOther = await client.call('POST', '/v1/agents/a2/turns', { text: 'echo:hi' }, key)
    expect(ofOther.headers.get('turn-id')).not.toBe(id)
  })

  it('tells the times of calls of tools and of their results to a reader who asks for times', async () => {
    const { client, replies } = await withAgents()
    const before = Date.now()
    const path = '/v1/agents/a1/turns?wait=true'
    const id = idOf(await client.call('POST', path, { text: 'tool:60 echo:hi' }))
    const plain = await (await openLines(replies(id))).rest()
    const timed = await (await openLines(replies(id, '?times=true'))).rest()
    const events = await (await openEvents(replies(id, '?times=true'))).rest()
    expect(timed.map(({ at: _, ...reply }) => reply)).toEqual(plain)
    expect(events.filter(({ event }) => event === 'reply').map(({ data }) => data)).toEqual(timed)
    const times = timed.flatMap(({ at }) => at ?? [])
    expect(times).toHaveLength(2)
    const [called = 0, ended = 0] = times
    expect(called).toBeGreaterThanOrEqual(before)
    expect(ended - called).toBeGreaterThanOrEqual(50)
  })

  it('whose texts were erased is told to a request with its key, and is not started again', async () => {
    const { client, watch } = await withAgents()
    const path = '/v1/agents/a1/turns'
    const [body, key] = [{ text: 'echo:hi' }, { 'idempotency-key': 'k' }]
    const first = await client.call('POST', `${path}?wait=true`, body, key)
    const ofFirst = `/v1/turns/${idOf(first)}`
    const { session_id } = (await client.call('GET', ofFirst)).body as { session_id: string }
    expect((await client.call('DELETE', `/v1/sessions/${session_id}?agent=a1`)).status).toBe(204)
    const accept = (type: string) => ({ ...key, accept: type })
    for (const answer of [
      await client.call('POST', `${path}?wait=true`, body, key),
      await client.call('POST', path, body, accept('application/x-ndjson')),
      await client.call('POST', path, body, accept('text/event-stream')),
    ]) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'ERR_OPENCODE_TURN_ERASED' } })
      expect(answer.text).toContain('another Idempotency-Key')
      expect(idOf(answer)).toBe(idOf(first))
    }
    expect((await client.call('GET', `${ofFirst}/replies`)).status).toBe(409)
    const known = await client.call('POST', path, body, key)
    expect(known).toMatchObject({ status: 202, body: { turn_id: idOf(first), state: 'done', reply: null } })
    expect(watch.of('turn.started')).toHaveLength(1)
    const other = await client.call('POST', `${path}?wait=true`, body, { 'idempotency-key': 'k2' })
    expect(other).toMatchObject({ status: 200, body: { kind: 'final', content: 'hi' } })
    expect(idOf(other)).not.toBe('')
  })

  it('goes on without its reader, unless the reader wants it cancelled', async () => {
    const { post, client } = await withAgents()
    const hang = { text: 'hang', on_disconnect: 'cancel' }
    const readers = [await openLines(post(hang)), await openEvents(post(hang))]
    for (const reader of readers) reader.leave()
    for (const { response } of readers)
      await expect
        .poll(async () => (await client.call('GET', `/v1/turns/${idOf(response)}`)).body, { timeout: 10_000 })
        .toMatchObject({ state: 'done', reply: { kind: 'error', code: 'cancelled' } })
    const going = await openLines(post({ text: 'slow:200 echo:hi' }))
    going.leave()
    await expect
      .poll(async () => (await client.call('GET', `/v1/turns/${idOf(going.response)}`)).body, {
        timeout: 10_000,
      })
      .toMatchObject({ reply: { kind: 'final', content: 'hi' } })
  })

  it('is cancelled by a request, and shows its status to a reader of events', async () => {
    const { post, client } = await withAgents()
    const reader = await openEvents(post({ text: 'hang' }))
    await reader.until(
      ({ event, data }) => event === 'status' && (data as { state: string }).state === 'running',
    )
    const id = idOf(reader.response)
    expect((await client.call('POST', `/v1/turns/${id}/cancel`)).status).toBe(202)
    const rest = await reader.rest()
    expect(rest.at(-1)).toMatchObject({ event: 'reply', id: '1', data: { code: 'cancelled', seq: 1 } })
    expect((await client.call('POST', `/v1/turns/${id}/cancel`)).body).toMatchObject({ state: 'done' })
  })

  it('is refused at once where the queue is full, and its key can be used again later', async () => {
    const limits = { maxRunningTurns: 1, maxQueuedTurns: 0 }
    const { client } = await withAgents({ fleet: { limits } })
    const path = '/v1/agents/a1/turns'
    const first = await client.call('POST', path, { text: 'hang' })
    const ofFirst = `/v1/turns/${idOf(first)}`
    await expect
      .poll(async () => (await client.call('GET', ofFirst)).body, { timeout: 10_000 })
      .toMatchObject({ state: 'running' })
    const key = { 'idempotency-key': 'k' }
    const refused = await client.call('POST', path, { text: 'echo:hi' }, key)
    expect(refused).toMatchObject({ status: 429, body: { code: 'overloaded' } })
    expect(refused.text).toContain('max_queued_turns')
    expect(refused.text).not.toMatch(/maxQueuedTurns/)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await client.call('POST', `${ofFirst}/cancel`)
    await expect
      .poll(async () => (await client.call('POST', `${path}?wait=true`, { text: 'echo:hi' }, key)).text, {
        timeout: 10_000,
      })
      .toContain('"kind":"final"')
    const list = (await client.call('GET', '/v1/turns')).body as { items: unknown[] }
    expect(list.items).toHaveLength(2)
  })

  it('names the bad field of its input, and refuses a directory outside', async () => {
    const { client } = await withAgents()
    const bad = [
      [{ text: '' }, 400, 'text'],
      [{ text: 'x', on_permission: 'maybe' }, 400, 'on_permission'],
      [{ text: 'x', deadline_ms: -1 }, 400, 'deadline_ms'],
      [{ text: 'x', output: { type: 'string' } }, 400, 'output'],
      [{ text: 'x', model: 'gpt\0-4o' }, 400, 'model'],
      [{ text: 'x', model: { provider_id: 'p\n', model_id: 'm' } }, 400, 'model.provider_id'],
      [{ text: 'x', directory: '/etc' }, 403, 'directory'],
    ] as const
    for (const [body, status, field] of bad)
      expect(await client.call('POST', '/v1/agents/a1/turns', body)).toMatchObject({
        status,
        body: { field },
      })
    expect((await client.call('GET', '/v1/turns')).body).toMatchObject({ items: [] })
  })

  it('is not seen by tokens of others, and asks for the scopes of what it does', async () => {
    const [small, other] = [
      testToken(['turn'], { agents: ['a1'] }),
      testToken(['read', 'turn', 'approve'], { tenant: 'other' }),
    ]
    const { client } = await withAgents({ gateway: { tokens: [small.record, other.record] } })
    const [ofSmall, ofOther] = [client.as(small.token), client.as(other.token)]
    const path = '/v1/agents/a1/turns'
    const turn = await ofSmall.call('POST', path, { text: 'echo:hi' })
    expect((await ofSmall.call('GET', `/v1/turns/${idOf(turn)}`)).status).toBe(200)
    const another = await client.call('POST', path, { text: 'echo:hi' })
    expect((await ofSmall.call('GET', `/v1/turns/${idOf(another)}`)).status).toBe(404)
    expect((await ofSmall.call('POST', path, { text: 'x', on_permission: 'once' })).status).toBe(403)
    expect((await ofSmall.call('GET', '/v1/turns')).status).toBe(403)
    expect((await ofOther.call('POST', path, { text: 'x' })).status).toBe(404)
    for (const [method, end] of [
      ['GET', ''],
      ['GET', '/replies'],
      ['POST', '/cancel'],
    ] as const)
      expect((await ofOther.call(method, `/v1/turns/${idOf(turn)}${end}`)).status).toBe(404)
    expect((await ofOther.call('GET', '/v1/turns')).body).toMatchObject({ items: [] })
  })

  it('does not wait for a reader that stops to read, who gets the rest later', async () => {
    const { post, replies } = await withAgents()
    const stalled = await openLines(post({ text: 'stream:20000' }))
    const first = await stalled.next()
    const all = await (await openLines(replies(idOf(stalled.response)))).rest()
    expect(all.at(-1)).toMatchObject({ kind: 'final', content: 'x '.repeat(20_000) })
    expect([first, ...(await stalled.rest())]).toEqual(all)
  })

  it('ends within the time of a drain, and new turns are refused', async () => {
    const { client, gateway } = await withAgents()
    const path = '/v1/agents/a1/turns'
    const key = { 'idempotency-key': 'k' }
    const done = client.call('POST', `${path}?wait=true`, { text: 'slow:400 echo:hi' }, key)
    await expect
      .poll(async () => (await client.call('GET', '/v1/turns?state=running')).text, { timeout: 10_000 })
      .toContain('running')
    await client.document()
    const closing = gateway.close({ drainMs: 20_000 })
    const refused = await client.call('POST', path, { text: 'x' })
    expect(refused).toMatchObject({ status: 503, body: { code: 'ERR_OPENCODE_STOPPED' } })
    expect(refused.headers.get('retry-after')).toBe('5')
    expect((await client.call('POST', path, { text: 'slow:400 echo:hi' }, key)).status).toBe(202)
    expect((await done).body).toMatchObject({ kind: 'final', content: 'hi' })
    await closing
  })
})
