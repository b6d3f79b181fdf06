import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AssembledGateway } from '../../src/gateway/gateway.ts'
import { EmbeddedTurnLog } from '../../src/gateway/log/embedded-turn-log.ts'
import { openStore } from '../../src/gateway/log/open-store.ts'
import { keptBounds } from '../../src/gateway/log/retention.ts'
import type { Store } from '../../src/gateway/log/store.ts'
import { parts } from '../../src/gateway/parts.ts'
import { createGateway } from '../../src/gateway/index.ts'
import type { TurnLog } from '../../src/gateway/turns/turn-log.ts'
import { fakeFleet } from '../support/fleet.ts'
import { GatewayClient, listen, testToken } from '../support/gateway.ts'
import { openLines } from '../support/gateway-reader.ts'
import { putUnusableStore } from '../support/turn-log.ts'

const turns = '/v1/agents/a1/turns'

/** Makes a fleet with one agent, on a folder that a function prepares, and serves its gateway. */
async function serve(prepare: (file: string) => Promise<TurnLog | undefined>) {
  const { fleet, watch, dataDir } = await fakeFleet()
  await fleet.put({ id: 'a1' })
  const log = await prepare(join(dataDir, '.fleet', 'gateway.db'))
  const { token, record } = testToken(['read', 'turn', 'admin'])
  const options = { fleet, tokens: [record] }
  const gateway = log ? new AssembledGateway(options, { log: () => log, parts }) : createGateway(options)
  const { url, close } = await listen(gateway)
  onTestFinished(async () => {
    await gateway.close()
    await close()
  })
  return { watch, dataDir, gateway, url, token, client: new GatewayClient(url, token) }
}

/** Serves a gateway whose store can be made unable to grow, as on a full disk. */
async function serveOnBoundedStore() {
  const stores: Store[] = []
  const served = await serve(async (file) => {
    const store = await openStore(file)
    stores.push(store)
    const bounds = { ...keptBounds({ retentionDays: 30, maxStoreMb: 1024 }), minFreeBytes: 0 }
    return new EmbeddedTurnLog(file, Promise.resolve(store), bounds, Date.now)
  })
  await served.gateway.ready
  const setPages = (pages: number) => stores.forEach((store) => store.all(`pragma max_page_count = ${pages}`))
  return { ...served, fill: () => setPages(1), free: () => setPages(1_000_000_000) }
}

describe('a gateway whose store is full', () => {
  it('refuses new turns, loses no reply of a turn that runs, and goes on when there is space', async () => {
    const { client, url, token, fill, free } = await serveOnBoundedStore()
    const key = { 'idempotency-key': 'k' }
    // The text after the pause is too large for the pages that the file has.
    const large = 'y'.repeat(400_000)
    const body = { text: `stream:1 slow:3000 echo:${large}` }
    const post = { url: `${url}${turns}`, token, method: 'POST', body, headers: key }
    const reader = await openLines(post)
    const first = await reader.next()
    fill()
    const readyz = async () => (await client.call('GET', '/readyz')).body
    await expect.poll(readyz, { timeout: 20_000 }).toEqual({ status: 'ready', store: 'full' })
    const refused = await client.call('POST', turns, { text: 'echo:hi' })
    expect(refused).toMatchObject({
      status: 507,
      body: {
        code: 'ERR_OPENCODE_STORE_FULL',
        detail: expect.stringContaining('free space on the disk') as string,
        retry_after_ms: 60_000,
      },
    })
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.text).not.toMatch(/\/(tmp|home|var)\//)
    // The turn that runs is known to its key, to lists, and to the metrics.
    const known = await client.call('POST', turns, body, key)
    expect(known).toMatchObject({ status: 202, body: { state: 'running' } })
    expect((await client.call('GET', '/v1/turns')).body).toMatchObject({ items: [{ state: 'running' }] })
    expect((await client.call('GET', '/metrics')).text).toContain('opencode_gateway_store_full 1')
    free()
    const replies = [first, ...(await reader.rest())]
    expect(replies.map((reply) => reply?.seq)).toEqual(replies.map((_, i) => i + 1))
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: `x ${large}` })
    const texts = replies.map((reply) => (reply?.kind === 'delta' ? reply.content : ''))
    expect(texts.join('')).toBe(`x ${large}`)
    expect(await readyz()).toEqual({ status: 'ready', store: 'ok' })
    const next = await client.call('POST', `${turns}?wait=true`, { text: 'echo:hi' })
    expect(next).toMatchObject({ status: 200, body: { kind: 'final', content: 'hi' } })
  })
})

describe('a gateway whose store cannot be used', () => {
  it.each([
    ['damaged', 'ERR_OPENCODE_STORE_CORRUPT', 'restore a backup'],
    ['newer', 'ERR_OPENCODE_STORE_NEWER', 'run the version of the package'],
  ] as const)('tells that it is %s, refuses turns, and serves the agents', async (kind, code, advice) => {
    const { client, gateway, dataDir, watch } = await serve((file) => putUnusableStore(file, kind))
    await expect(gateway.ready).rejects.toThrow(advice)
    for (const [method, path] of [
      ['POST', turns],
      ['POST', `${turns}?wait=true`],
      ['GET', '/v1/turns'],
      ['GET', '/v1/turns/t1/replies'],
      ['GET', '/v1/events'],
      ['GET', '/v1/usage'],
      ['GET', '/readyz'],
    ] as const) {
      const answer = await client.call(method, path, method === 'POST' ? { text: 'echo:hi' } : undefined)
      expect(answer, `${method} ${path}`).toMatchObject({ status: 503, body: { code } })
      expect(answer.text).toContain(advice)
      expect(answer.text).not.toContain(dataDir)
    }
    expect((await client.call('GET', '/v1/agents/a1')).status).toBe(200)
    expect((await client.call('PUT', '/v1/agents/a2', {})).status).toBe(201)
    expect(watch.of('turn.started')).toEqual([])
  })
})
