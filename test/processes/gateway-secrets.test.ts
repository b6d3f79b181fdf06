import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet } from '../../src/index.ts'
import type { AgentSpec } from '../../src/index.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { Hunt, newSecret } from '../support/hunt.ts'
import { pathWith, routesOf, serveGateway, type Asked } from '../support/served-gateway.ts'
import { standIn } from '../support/stand-in.ts'
import { tokenFor } from '../support/tokens.ts'

/** Serves a fleet whose servers spill all secrets, followed by a hunt through every answer. */
async function hunted(spec: Partial<AgentSpec> = {}) {
  const secrets = {
    apiKey: newSecret('sk', '/+='),
    inURL: newSecret('url'),
    env: newSecret('env', '"\\'),
    header: newSecret('header', '.'),
    inConfig: newSecret('config', '$'),
    inModel: newSecret('model', '%'),
    defaultKey: newSecret('default'),
    hash: newSecret('hash'),
  }
  const dataDir = tempHome()
  const home = join(dataDir, 'a1')
  const outside = join(dataDir, 'outside')
  mkdirSync(outside)
  const hunt = new Hunt(secrets)
  hunt.overhear()
  const fleet = new Fleet({
    dataDir,
    logger: hunt.logger,
    defaults: {
      proxy: { baseURL: `http://me:${secrets.inURL}@127.0.0.1:9/v1`, apiKey: secrets.defaultKey },
      backoffInitialMs: 10,
      maxRestarts: 0,
      startTimeoutMs: 5_000,
    },
  })
  const agent: AgentSpec = {
    id: 'a1',
    binary: standIn('spills-secrets'),
    proxy: { apiKey: secrets.apiKey },
    models: [{ id: 'gpt-4o', options: { apiKey: secrets.inModel } }],
    config: {
      mcp: { tools: { type: 'remote', headers: { Authorization: `Bearer ${secrets.header}` } } },
      provider: { other: { options: { apiKey: secrets.inConfig } } },
    },
    ...spec,
    env: { MY_API_TOKEN: secrets.env, STANDIN_STORE: join(home, 'store.json'), ...spec.env },
  }
  await fleet.apply([agent])
  const { token, record } = tokenFor({ id: 'all' })
  hunt.know('hash', record.hash.slice('sha256:'.length))
  hunt.know('token', token)
  const gateway = await serveGateway({ fleet, tokens: [record], logger: hunt.logger })
  onTestFinished(async () => {
    await fleet.close()
    await expectNothingLeft(home)
  })
  /** Paths of the host that no answer may hold. */
  const hidden = [standIn(''), outside, join(dataDir, '.fleet'), join(home, '.local'), process.cwd()]
  const paths: unknown[] = []
  const ask = async (method: string, path: string, asked: Asked = {}) => {
    // The events of the fleet have no end.
    const enough = path.startsWith('/v1/events') ? 1 : Infinity
    const answer = await gateway.send(method, path, { token, enough, ...asked })
    const told = JSON.stringify(answer.headers) + answer.text
    hunt.note(`${method} ${path}`, told)
    for (const hides of hidden)
      if (told.includes(hides.replace(/\.mjs$/, ''))) paths.push([method, path, hides])
    return answer
  }
  const nothingFound = async (): Promise<void> => {
    await fleet.close()
    expect(hunt.found()).toEqual([])
    expect(paths).toEqual([])
  }
  return { ask, hunt, fleet, agent, dataDir, outside, secrets, token, nothingFound }
}

/** Valid bodies and queries of routes; a route without an entry needs none. */
const valid: Record<string, { body?: unknown; query?: string }> = {
  'PUT /v1/agents': { body: { agents: [] } },
  'PUT /v1/agents/{id}': { body: {} },
  'PATCH /v1/agents/{id}': { body: { labels: { a: 'b' } } },
  'POST /v1/agents/{id}/turns': { body: { text: 'hello' }, query: '?wait=true' },
  'GET /v1/sessions/{id}/history': { query: '?agent=a1' },
  'DELETE /v1/sessions/{id}': { query: '?agent=a1' },
  'POST /v1/requests/{id}/answer': { body: { reply: 'once' } },
  'POST /v1/login': { body: { token: 'wrong' } },
}

/** Order of the methods, so that the agent is deleted last. */
const rank = (method: string): number => ['GET', 'PUT', 'PATCH', 'POST', 'DELETE'].indexOf(method)

describe('no answer of the gateway holds a secret or a path of the host', () => {
  it('whatever route is asked, with a valid request and with wrong ones', async () => {
    const { ask, secrets, nothingFound, outside } = await hunted()
    const { json } = await ask('GET', '/v1/openapi.json')
    const routes = routesOf(json).sort((a, b) => rank(a.method) - rank(b.method))
    const statuses = new Set<number>()
    const send = async (method: string, path: string, asked: Asked = {}) =>
      statuses.add((await ask(method, path, asked)).status)
    for (const { method, path } of routes) {
      const { body, query = '' } = valid[`${method} ${path}`] ?? {}
      const [known, unknown] = [pathWith(path), pathWith(path, { id: 'ses_unknown' })]
      for (const odd of [`{"a": "${secrets.apiKey}`, [secrets.env], { text: 1, api_key: secrets.apiKey }])
        if (method !== 'GET' && method !== 'DELETE') await send(method, known, { body: odd })
      await send(method, `${unknown}?before=${encodeURIComponent(outside)}&limit=x`)
      await send(method, unknown + query, body === undefined ? {} : { body })
      await send(method, known + query, body === undefined ? {} : { body })
    }
    for (const status of [200, 202, 204, 400, 401, 404]) expect(statuses).toContain(status)
    expect([...statuses].filter((status) => status >= 500 && status !== 503)).toEqual([])
    await nothingFound()
  })

  it.each(['fail', 'long', 'retry', 'die'])('whatever a turn tells with the prompt %s', async (word) => {
    const { ask, nothingFound } = await hunted()
    const accepts = ['application/x-ndjson', 'text/event-stream']
    for (const accept of accepts)
      await ask('POST', '/v1/agents/a1/turns', { body: { text: `${word} now` }, headers: { accept } })
    const { json } = await ask('POST', '/v1/agents/a1/turns?wait=true', { body: { text: `${word} now` } })
    expect(json).toMatchObject({ kind: word === 'retry' ? 'final' : 'error' })
    const list = (await ask('GET', '/v1/turns')).json as { items: { turn_id: string }[] }
    expect(list.items).toHaveLength(3)
    for (const { turn_id } of list.items)
      for (const path of [`/v1/turns/${turn_id}`, `/v1/turns/${turn_id}/replies`]) await ask('GET', path)
    for (const path of [
      '/v1/agents',
      '/v1/agents/a1',
      '/v1/agents/a1/log?tail=1000',
      '/v1/usage',
      '/metrics',
    ])
      expect((await ask('GET', path)).status).toBe(200)
    await ask('GET', '/v1/events')
    await nothingFound()
  })

  it.each(['exit', 'config'])('whatever a server tells that does not start (%s)', async (how) => {
    const { ask, nothingFound } = await hunted({ env: { STANDIN_SPILL: how } })
    const { json } = await ask('POST', '/v1/agents/a1/turns?wait=true', { body: { text: 'hello' } })
    expect(json).toMatchObject({ kind: 'error' })
    for (const path of [
      '/v1/agents/a1',
      '/v1/agents/a1/log',
      '/v1/agents/a1/sessions',
      '/v1/turns',
      '/metrics',
    ])
      await ask('GET', path)
    await nothingFound()
  })

  it('whatever is wrong with a spec, or with the directory of a turn', async () => {
    const { ask, outside, secrets, nothingFound } = await hunted()
    const refused = [
      { binary: '' },
      { directory: 'relative', env: { A: 1, TOKEN: secrets.env } },
      { proxy: { base_url: `me:${secrets.inURL}@x`, api_key: `${secrets.apiKey} ` } },
      { config: secrets.inConfig },
      { models: [{ id: '', options: { apiKey: secrets.inModel } }] },
    ]
    for (const body of refused)
      for (const method of ['PUT', 'PATCH'])
        expect([body, (await ask(method, '/v1/agents/a1', { body })).status]).toEqual([body, 400])
    await ask('PATCH', '/v1/agents/a1', { body: { binary: join(outside, 'opencode') } })
    expect((await ask('GET', '/v1/agents/a1')).json).toMatchObject({ binary: '…/opencode' })
    await ask('POST', '/v1/agents/a1/turns?wait=true', { body: { text: 'hello' } })
    await ask('POST', '/v1/agents/a1/turns', { body: { text: 'hello', directory: outside } })
    await nothingFound()
  })
})
