import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { keptSpecs } from '../../src/api/fleet/internals.ts'
import { fakeGateway, testToken } from '../support/gateway.ts'

const whole = {
  tenant: 'acme',
  labels: { team: 'blue' },
  proxy: { base_url: 'http://user:pw-secret-1@127.0.0.1:9/v1', api_key: 'sk-secret-of-the-spec' },
  models: ['gpt-4o', { id: 'big', context_tokens: 1000, cost: { input: 1, output: 2, cache_read: 3 } }],
  env: { A_TOKEN: 'env-secret' },
  config: { someCamelCase: { apiKey: 'config-secret' } },
  trust_project_config: true,
  memory_mb: 500,
}

describe('the agents of a gateway', () => {
  it('are declared, read, listed and removed', async () => {
    const { client, fleet } = await fakeGateway()
    const put = await client.call('PUT', '/v1/agents/a1', whole)
    expect(put.status).toBe(201)
    expect(put.headers.get('location')).toBe('/v1/agents/a1')
    expect(put.body).toMatchObject({ id: 'a1', tenant: 'acme', memory_mb: 500, status: { state: 'idle' } })
    expect((await client.call('PUT', '/v1/agents/a1', whole)).status).toBe(200)
    expect(fleet.agent('a1').status.tenant).toBe('acme')
    expect((await client.call('GET', '/v1/agents/a1')).body).toEqual(put.body)
    expect((await client.call('GET', '/v1/agents')).body).toEqual({ items: [put.body], next_before: null })
    expect((await client.call('DELETE', '/v1/agents/a1?delete_home=true')).status).toBe(204)
    expect((await client.call('GET', '/v1/agents/a1')).status).toBe(404)
  })

  it('keep all fields with the names of the library, and the keys of data untouched', async () => {
    const { client, fleet } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', whole)
    expect(keptSpecs(fleet).get('a1')).toEqual({
      id: 'a1',
      tenant: 'acme',
      labels: { team: 'blue' },
      proxy: { baseURL: whole.proxy.base_url, apiKey: whole.proxy.api_key },
      models: ['gpt-4o', { id: 'big', contextTokens: 1000, cost: { input: 1, output: 2, cacheRead: 3 } }],
      env: whole.env,
      config: whole.config,
      trustProjectConfig: true,
      memoryMb: 500,
    })
  })

  it('are shown without secrets in every answer', async () => {
    const { client } = await fakeGateway()
    const answers = [
      await client.call('PUT', '/v1/agents/a1', whole),
      await client.call('GET', '/v1/agents'),
      await client.call('PATCH', '/v1/agents/a1', { env: { A_TOKEN: 'env-secret-2' } }),
      await client.call('POST', '/v1/agents/a1/stop'),
    ]
    for (const { text } of answers) expect(text).not.toMatch(/secret/)
  })

  it('keep what an answer hides when the answer is sent back by PATCH', async () => {
    const { client, fleet } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', whole)
    const before = keptSpecs(fleet).get('a1')
    const { body } = await client.call('GET', '/v1/agents/a1')
    expect((await client.call('PATCH', '/v1/agents/a1', body)).status).toBe(200)
    expect(keptSpecs(fleet).get('a1')).toEqual(before)
  })

  it('are changed by a merge patch, in which null removes a field', async () => {
    const { client, fleet } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', whole)
    const patch = { labels: { team: null, lang: 'de' }, env: null, memory_mb: null, proxy: { name: 'P' } }
    const type = { 'content-type': 'application/merge-patch+json' }
    expect((await client.call('PATCH', '/v1/agents/a1', patch, type)).status).toBe(200)
    const { env, memoryMb, labels, proxy } = keptSpecs(fleet).get('a1') ?? {}
    expect({ env, memoryMb, labels }).toEqual({ labels: { lang: 'de' } })
    expect(proxy).toEqual({ baseURL: whole.proxy.base_url, apiKey: whole.proxy.api_key, name: 'P' })
  })

  it('are changed by concurrent patches without a lost change', async () => {
    const { client, fleet } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', {})
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`)
    await Promise.all(keys.map((key) => client.call('PATCH', '/v1/agents/a1', { labels: { [key]: key } })))
    expect(Object.keys(keptSpecs(fleet).get('a1')?.labels ?? {}).sort()).toEqual(keys)
  })

  it('are applied together, and pruned', async () => {
    const { client } = await fakeGateway()
    const apply = (agents: unknown, query = '') => client.call('PUT', `/v1/agents${query}`, { agents })
    expect((await apply([{ id: 'a1' }, { id: 'a2' }])).body).toEqual({
      added: ['a1', 'a2'],
      changed: [],
      unchanged: [],
      removed: [],
    })
    expect((await apply([{ id: 'a2', memory_mb: 1 }, { id: 'a3' }], '?prune=true')).body).toEqual({
      added: ['a3'],
      changed: ['a2'],
      unchanged: [],
      removed: ['a1'],
    })
  })

  it('are listed in pages, by tenant and by state', async () => {
    const { client, fleet } = await fakeGateway()
    await fleet.apply(['a1', 'a2', 'a3', 'b1'].map((id) => ({ id, tenant: id.startsWith('a') ? 'a' : 'b' })))
    const idsOf = async (query: string) => {
      const { items, next_before } = (await client.call('GET', `/v1/agents${query}`)).body as {
        items: { id: string }[]
        next_before: string | null
      }
      return [items.map(({ id }) => id), next_before]
    }
    expect(await idsOf('?tenant=a&limit=2')).toEqual([['a1', 'a2'], 'a2'])
    expect(await idsOf('?tenant=a&limit=2&before=a2')).toEqual([['a3'], null])
    expect(await idsOf('?state=idle')).toEqual([['a1', 'a2', 'a3', 'b1'], null])
    expect(await idsOf('?state=healthy')).toEqual([[], null])
  })

  it('start and stop', async () => {
    const { client, fleet } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', {})
    expect((await client.call('POST', '/v1/agents/a1/start')).status).toBe(202)
    await firstValueFrom(fleet.agent('a1').lifecycle$.pipe(filter(({ state }) => state === 'healthy')))
    const { items } = (await client.call('GET', '/v1/agents/a1/log?tail=5')).body as { items: string[] }
    expect(items.join('\n')).toContain('listening')
    const stopped = await client.call('POST', '/v1/agents/a1/stop', { drain_ms: 10 })
    expect(stopped.body).toMatchObject({ status: { state: 'idle' } })
  })
})

describe('a bad request', () => {
  it.each([
    ['PUT', '/v1/agents/a1', { memoryMb: 5 }, 'memoryMb', 'did you mean memory_mb?'],
    ['PUT', '/v1/agents/a1', { proxy: { base_ur: 'x' } }, 'proxy.base_ur', 'did you mean proxy.base_url?'],
    ['PUT', '/v1/agents/a1', { memory_mb: '5' }, 'memory_mb', 'MiB'],
    ['PUT', '/v1/agents/a1', { id: 'a2' }, 'id', 'id of the path'],
    ['PUT', '/v1/agents/a1', { models: [] }, 'models', 'at least one model'],
    ['PATCH', '/v1/agents/a1', { memory_mb: '5' }, 'memory_mb', 'MiB'],
    ['PUT', '/v1/agents', { agents: [{ id: 'a1', home: '/x' }] }, 'agents[0].home', 'Unknown'],
    ['PUT', '/v1/agents', [], undefined, 'object with agents'],
    ['PUT', '/v1/agents/a1', '{"__proto__":{}}', '__proto__', 'Unknown field'],
    ['PUT', '/v1/agents/a1', '{"env":{"__proto__":"x"}}', 'env', 'no name __proto__'],
    ['PATCH', '/v1/agents/a1', { foo: null }, 'foo', 'Unknown field'],
    ['PATCH', '/v1/agents/a1', { memoryMb: null }, 'memoryMb', 'did you mean memory_mb?'],
    ['PATCH', '/v1/agents/a1', { proxy: { foo: null } }, 'proxy.foo', 'Unknown field'],
    ['PATCH', '/v1/agents/a1', '{"__proto__":{"memory_mb":1}}', '__proto__', 'Unknown field'],
    ['PATCH', '/v1/agents/a1', '{"proxy":{"__proto__":null}}', 'proxy', 'no name __proto__'],
    ['PATCH', '/v1/agents/a1', '{"labels":{"a":"b","__proto__":"x"}}', 'labels', 'no name __proto__'],
    ['GET', '/v1/agents?limt=5', undefined, 'limt', 'did you mean limit?'],
    ['GET', '/v1/agents?limit=5&limit=6', undefined, 'limit', 'only once'],
  ])('%s %s with %j names the field %s', async (method, path, body, field, detail) => {
    const { client } = await fakeGateway()
    await client.call('PUT', '/v1/agents/a1', {})
    const answer = await client.call(method, path, body)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ status: 400, code: 'ERR_OPENCODE_INVALID_OPTIONS' })
    expect(answer.body['field']).toBe(field)
    expect(answer.body['detail']).toContain(detail)
  })

  it('names each parameter of a query that is wrong or unknown', async () => {
    const { client } = await fakeGateway()
    for (const [method, path, field] of [
      ['GET', '/v1/agents?limit=0', 'limit'],
      ['GET', '/v1/agents?limit=', 'limit'],
      ['GET', '/v1/agents?state=asleep', 'state'],
      ['GET', '/v1/agents?tenant=No%20Tenant', 'tenant'],
      ['GET', '/v1/agents?before=No%20Agent', 'before'],
      ['PUT', '/v1/agents?prune=1', 'prune'],
      ['DELETE', '/v1/agents/a1?drain_ms=-1', 'drain_ms'],
      ['DELETE', '/v1/agents/a1?delete_home=yes', 'delete_home'],
      ['GET', '/v1/agents/a1/log?tail=none', 'tail'],
      ['GET', '/v1/agents/a1/sessions?before=x', 'before'],
      ['GET', '/v1/agents/a1/sessions?search=', 'search'],
      ['POST', '/v1/agents/a1/turns?wait=perhaps', 'wait'],
      ['GET', '/v1/turns?limit=501', 'limit'],
      ['GET', '/v1/turns?state=open', 'state'],
      ['GET', '/v1/turns?agent=No%20Agent', 'agent'],
      ['GET', '/v1/turns?before=x', 'before'],
      ['GET', '/v1/turns?before=', 'before'],
      ['GET', '/v1/turns/t1/replies?after=-1', 'after'],
      ['GET', '/v1/turns/t1/replies?after=1.5', 'after'],
      ['GET', '/v1/usage?by=hour', 'by'],
      ['GET', '/v1/usage?since=yesterday', 'since'],
      ['GET', '/v1/requests?agent=a1', 'agent'],
      ['GET', '/v1/events?after=1', 'after'],
      ['GET', '/healthz?deep=true', 'deep'],
    ] as const)
      expect(
        await client.call(method, path, method === 'PUT' ? { agents: [] } : undefined),
        `${method} ${path}`,
      ).toMatchObject({ status: 400, body: { field, code: 'ERR_OPENCODE_INVALID_OPTIONS' } })
  })

  it('names an option that the fleet refuses as the wire has it', async () => {
    const { client } = await fakeGateway({
      fleet: { defaults: { proxy: { baseURL: 'http://127.0.0.1:9/v1' } } },
    })
    const { status, body } = await client.call('PUT', '/v1/agents/a1', {})
    expect([status, body['field']]).toEqual([400, 'proxy.api_key'])
    expect(body['detail']).not.toContain('apiKey')
  })

  it('is 415 without the media type of JSON, and 400 for a text that is no JSON', async () => {
    const { client } = await fakeGateway()
    const put = (body: string, type: string) =>
      client.call('PUT', '/v1/agents/a1', body, { 'content-type': type })
    expect((await put('{}', 'text/plain')).status).toBe(415)
    expect((await put('{', 'application/json')).status).toBe(400)
    expect((await put('', 'application/json')).status).toBe(400)
    expect((await put('{}', 'application/json; charset=utf-8')).status).toBe(201)
  })

  it('is 413 for a body that is too large, told or not', async () => {
    const { url, all } = await fakeGateway({ gateway: { maxBodyBytes: 100 } })
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 5; i++) controller.enqueue(Buffer.from(' '.repeat(50)))
        controller.close()
      },
    })
    const answer = await fetch(`${url}/v1/agents/a1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${all.token}`, 'content-type': 'application/json' },
      body: chunks,
      duplex: 'half',
    })
    expect(answer.status).toBe(413)
  })

  it('is 404 for an unknown path or agent, and 405 with the allowed methods', async () => {
    const { client } = await fakeGateway()
    expect((await client.call('GET', '/v1/nothing')).body).toMatchObject({ status: 404 })
    expect((await client.call('GET', '/v1/agents/a9')).body).toMatchObject({
      code: 'ERR_OPENCODE_UNKNOWN_AGENT',
    })
    const { status, headers } = await client.call('DELETE', '/v1/agents')
    expect([status, headers.get('allow')]).toEqual([405, 'GET, PUT, HEAD'])
  })
})

describe('a token for some agents', () => {
  it('sees its agents only, and an unknown agent in the place of others', async () => {
    const mine = testToken(['read', 'admin'], { tenant: 'a' })
    const { client, fleet } = await fakeGateway({ gateway: { tokens: [mine.record] } })
    await fleet.apply([
      { id: 'mine-1', tenant: 'a' },
      { id: 'mine-2', tenant: 'b' },
    ])
    const own = client.as(mine.token)
    expect((await own.call('GET', '/v1/agents')).body).toMatchObject({ items: [{ id: 'mine-1' }] })
    const other = await own.call('GET', '/v1/agents/mine-3')
    const hidden = await own.call('GET', '/v1/agents/mine-2')
    expect(hidden.text.replaceAll('mine-2', 'mine-3')).toBe(other.text)
    expect((await own.call('DELETE', '/v1/agents/mine-2')).status).toBe(404)
    expect((await own.call('PUT', '/v1/agents/mine-2', { tenant: 'a' })).status).toBe(404)
    expect((await own.call('GET', '/metrics')).text).not.toMatch(/tenant="b"|servers_running/)
  })

  it('prunes its agents only', async () => {
    const mine = testToken(['admin'], { tenant: 'a' })
    const { client, fleet } = await fakeGateway({ gateway: { tokens: [mine.record] } })
    await fleet.apply([
      { id: 'a1', tenant: 'a' },
      { id: 'a2', tenant: 'a' },
      { id: 'b1', tenant: 'b' },
    ])
    const body = { agents: [{ id: 'a1', tenant: 'a' }] }
    const { body: result } = await client.as(mine.token).call('PUT', '/v1/agents?prune=true', body)
    expect(result).toEqual({ added: [], changed: [], unchanged: ['a1'], removed: ['a2'] })
  })

  it('changes labels and limits, but nothing that decides what runs on the host', async () => {
    const mine = testToken(['admin', 'read'], { agents: ['a1'] })
    const { client, fleet } = await fakeGateway({ gateway: { tokens: [mine.record] } })
    await fleet.put({ id: 'a1', env: { KEPT: 'yes' } })
    const own = client.as(mine.token)
    expect((await own.call('PATCH', '/v1/agents/a1', { labels: { x: 'y' } })).status).toBe(200)
    expect((await own.call('PATCH', '/v1/agents/a1', { env: { KEPT: null } })).body).toMatchObject({
      status: 403,
      field: 'env',
    })
    expect((await own.call('PUT', '/v1/agents/a1', {})).status).toBe(200)
    expect(keptSpecs(fleet).get('a1')?.env).toEqual({ KEPT: 'yes' })
  })
})
