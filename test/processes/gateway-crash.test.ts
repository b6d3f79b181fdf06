import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { gatewayHosts } from '../support/gateway-host.ts'
import { openChunks } from '../support/chat-chunks.ts'
import { openEvents, openLines } from '../support/gateway-reader.ts'
import { tempHome } from '../support/home.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

describe.runIf(process.platform === 'linux')('a gateway that is killed', () => {
  it('ends its turns at the next start, each once, and continues those that may be', async () => {
    const fake = await fakeOpenCode()
    onTestFinished(() => fake.stop())
    const hosts = gatewayHosts(dist, fake, tempHome())
    const { token } = hosts
    const first = await hosts.start()
    const ask = (url: string, agent: string, body: object, key: string) =>
      openLines({
        ...{ url: `${url}/v1/agents/${agent}/turns`, token, method: 'POST', body },
        headers: { 'idempotency-key': key },
      })
    const lost = { text: 'every:50 stream:200' }
    const kept = { text: 'every:100 stream:10', resume: true }
    const lostReader = await ask(first.url, 'a1', lost, 'lost')
    const keptReader = await ask(first.url, 'a2', kept, 'kept')
    await keptReader.next()
    const before = [await lostReader.next(), await lostReader.next()]
    const events = await openEvents({ url: `${first.url}/v1/events`, token })
    const lastId = (await events.next())?.id ?? ''
    await first.die()

    const second = await hosts.start()
    const again = await ask(second.url, 'a1', lost, 'lost')
    expect(again.response.headers.get('turn-id')).toBe(lostReader.response.headers.get('turn-id'))
    const replies = await again.rest()
    expect(replies.slice(0, 2)).toEqual(before)
    expect(replies.map(({ seq }) => seq)).toEqual(replies.map((_, i) => i + 1))
    expect(replies.filter(({ kind }) => kind === 'error' || kind === 'final')).toHaveLength(1)
    const text = replies.map((reply) => (reply.kind === 'delta' ? reply.content : '')).join('')
    expect(replies.at(-1)).toMatchObject({ code: 'server_died', retryable: true, partial: text })

    const continued = await (await ask(second.url, 'a2', kept, 'kept')).rest()
    expect(continued.map(({ seq }) => seq)).toEqual(continued.map((_, i) => i + 1))
    expect(continued.at(-1)).toMatchObject({ kind: 'final', content: 'x '.repeat(10) })
    const prompts = fake.requests.filter(
      ({ url, body }) => /ses_/.test(url) && JSON.stringify(body ?? '').includes(kept.text),
    )
    const reverts = fake.requests.filter(({ url }) => /\/revert/.test(url))
    const sessions = [...prompts, ...reverts].map(({ url }) => /ses_\w+/.exec(url)?.[0])
    expect([prompts.length, reverts.length, new Set(sessions).size]).toEqual([2, 1, 1])

    const joined = await openEvents({
      ...{ url: `${second.url}/v1/events`, token },
      headers: { 'last-event-id': lastId },
    })
    expect([(await joined.next())?.event, (await joined.next())?.event]).toEqual(['gap', 'snapshot'])
    joined.leave()
    await second.die()
  })

  it('deletes the sessions that chat completions have left, at the next start', async () => {
    const fake = await fakeOpenCode()
    onTestFinished(() => fake.stop())
    const hosts = gatewayHosts(dist, fake, tempHome())
    const { token } = hosts
    const first = await hosts.start()
    const messages = [{ role: 'user', content: 'every:10 stream:3 hang' }]
    const ask = (headers: Record<string, string>) =>
      openChunks({
        ...{ url: `${first.url}/openai/v1/chat/completions`, token, headers },
        body: { model: 'a1', stream: true, messages },
      })
    const [left, named] = await Promise.all([ask({}), ask({ 'x-session-id': 'mine' })])
    const kept = named.response.headers.get('x-session-id')
    const sessionsOf = async (url: string) => {
      const answer = await fetch(`${url}/v1/agents/a1/sessions`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return ((await answer.json()) as { items: { id: string }[] }).items.map(({ id }) => id)
    }
    expect((await sessionsOf(first.url)).sort()).toEqual(
      [left.response.headers.get('x-session-id'), kept].sort(),
    )
    await first.die()
    const second = await hosts.start()
    await expect.poll(() => sessionsOf(second.url), { timeout: 15_000 }).toEqual([kept])
    await second.die()
  })
})
