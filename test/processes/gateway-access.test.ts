import { describe, expect, it } from 'vitest'
import { scopes, type Scope } from '../../src/gateway/access/caller.ts'
import { changeTokens } from '../../src/gateway/access/token-file.ts'
import type { GatewayOptions } from '../../src/gateway/index.ts'
import { deferred } from '../../src/util/deferred.ts'
import { fakeFleet } from '../support/fleet.ts'
import { pathWith, routesOf, serveGateway, type DocumentedRoute } from '../support/served-gateway.ts'
import { tokenFor, tokenWith } from '../support/tokens.ts'

/** Serves a gateway of a fleet with two agents of two tenants, and a token for everything. */
async function served(options: Partial<GatewayOptions> = {}) {
  const { fleet, dataDir } = await fakeFleet()
  await fleet.apply([
    { id: 'a1', tenant: 'acme', labels: { a: 'b' } },
    { id: 'b1', tenant: 'beta' },
  ])
  const all = tokenFor({ id: 'all' })
  const tokens = [all.record, ...(options.tokens ?? [])]
  const gateway = await serveGateway({ fleet, ...options, tokens })
  const { json } = await gateway.send('GET', '/v1/openapi.json', { token: all.token })
  return { ...gateway, fleet, dataDir, token: all.token, routes: routesOf(json) }
}

/** Returns the answers of routes that differ from a status and a code, with the routes. */
async function others(
  routes: readonly DocumentedRoute[],
  expected: { status: number; code: string },
  ask: (route: DocumentedRoute) => Promise<{ status: number; json: unknown }>,
) {
  const wrong: unknown[] = []
  for (const route of routes) {
    const { status, json } = await ask(route)
    if (status !== expected.status || codeOf(json) !== expected.code)
      wrong.push([route.method, route.path, status, json])
  }
  return wrong
}

/** Returns the code of a problem; the same for a failure in the shape of OpenAI, which has a name of its own for 401. */
function codeOf(json: unknown): unknown {
  const { code, error } = Object(json) as { code?: unknown; error?: { code: unknown } }
  return error?.code === 'invalid_api_key' ? 'ERR_OPENCODE_UNAUTHORIZED' : (code ?? error?.code)
}

const openPaths = ['/healthz', '/readyz', '/v1/login']

describe('every route of the OpenAPI document', () => {
  it('is 401 without a token, with a wrong one and with another scheme, except the open routes', async () => {
    const { send, routes } = await served()
    const closed = routes.filter((route) => route.scopes.length > 0)
    expect(
      routes
        .filter((route) => route.scopes.length === 0)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(openPaths)
    const expected = { status: 401, code: 'ERR_OPENCODE_UNAUTHORIZED' }
    expect(await others(closed, expected, ({ method, path }) => send(method, pathWith(path)))).toEqual([])
  })

  it('is 403 with all scopes but its own', async () => {
    // A token for each set of scopes; a route is asked with the token of the scopes that it does not take.
    const subsets = scopes.reduce<Scope[][]>(
      (sets, scope) => [...sets, ...sets.map((set) => [...set, scope])],
      [[]],
    )
    const made = subsets.map((some) => ({ key: some.join(), ...tokenWith(...some) }))
    const { send, routes } = await served({ tokens: made.map(({ record }) => record) })
    const tokenWithout = ({ scopes: needed }: DocumentedRoute): string => {
      const key = scopes.filter((scope) => !needed.includes(scope)).join()
      return made.find((one) => one.key === key)?.token ?? ''
    }
    const closed = routes.filter((route) => route.scopes.length > 0)
    const expected = { status: 403, code: 'ERR_OPENCODE_FORBIDDEN' }
    const ask = (route: DocumentedRoute) =>
      send(route.method, pathWith(route.path), { token: tokenWithout(route) })
    expect(await others(closed, expected, ask)).toEqual([])
  })

  it('is 403 from a page of another origin, with a token and without', async () => {
    const { send, routes, token, port } = await served()
    const expected = { status: 403, code: 'ERR_OPENCODE_ORIGIN_REFUSED' }
    for (const origin of [
      'https://evil.example',
      `http://localhost:${port}`,
      'http://127.0.0.1:3000',
      'null',
    ])
      for (const headers of [{ origin }, { origin, authorization: `Bearer ${token}` }])
        expect(
          await others(routes, expected, ({ method, path }) => send(method, pathWith(path), { headers })),
        ).toEqual([])
  })

  it('is 403 if the request names another host', async () => {
    const { send, routes, token, port } = await served()
    const expected = { status: 403, code: 'ERR_OPENCODE_HOST_REFUSED' }
    for (const host of ['evil.example', `evil.example:${port}`, '10.0.0.1', 'localhost.evil.example'])
      expect(
        await others(routes, expected, ({ method, path }) =>
          send(method, pathWith(path), { token, headers: { host } }),
        ),
      ).toEqual([])
  })

  it('is 413, 414 and 431 for a request that is too large, before the caller is known', async () => {
    const { send, routes } = await served({ maxBodyBytes: 1_000 })
    const code = 'ERR_OPENCODE_TOO_LARGE'
    const posts = routes.filter(({ method }) => /^(POST|PUT|PATCH)$/.test(method))
    const body = 'x'.repeat(1_001)
    const long = `?a=${'x'.repeat(8_200)}`
    const headers = { 'x-a': 'x'.repeat(16_384) }
    expect(
      await others(posts, { status: 413, code }, ({ method, path }) =>
        send(method, pathWith(path), { body }),
      ),
    ).toEqual([])
    expect(
      await others(routes, { status: 414, code }, ({ method, path }) => send(method, pathWith(path) + long)),
    ).toEqual([])
    expect(
      await others(routes, { status: 431, code }, ({ method, path }) =>
        send(method, pathWith(path), { headers }),
      ),
    ).toEqual([])
  })

  it('shows nothing of agents that the token is not for', async () => {
    const [tenant, agent] = [tokenFor({ tenant: 'acme' }), tokenFor({ agents: ['a1'] })]
    const { send, routes, token } = await served({ tokens: [tenant.record, agent.record] })
    const ofAgent = routes.filter(({ path }) => path.startsWith('/v1/agents/{id}'))
    for (const limited of [tenant.token, agent.token]) {
      expect((await send('GET', '/v1/agents', { token: limited })).json).toMatchObject({
        items: [{ id: 'a1' }],
      })
      for (const { method, path } of ofAgent) {
        const body = bodies[`${method} ${path}`]
        const asked = { token: limited, ...(body !== undefined && { body }) }
        const { status, text } = await send(method, pathWith(path, { id: 'b1' }), asked)
        expect([method, path, status]).toEqual([method, path, 404])
        expect(text).not.toContain('beta')
      }
    }
    expect((await send('GET', '/v1/agents', { token })).text).toContain('beta')
  })
})

/** Valid bodies of the routes of an agent. */
const bodies: Record<string, object> = {
  'PUT /v1/agents/{id}': {},
  'PATCH /v1/agents/{id}': { labels: {} },
  'POST /v1/agents/{id}/turns': { text: 'hello' },
}

describe('a token', () => {
  it('is valid as soon as it was created, and refused as soon as it was revoked', async () => {
    const { send, dataDir } = await served()
    const { token, record } = tokenFor()
    expect((await send('GET', '/v1/agents', { token })).status).toBe(401)
    await changeTokens(dataDir, () => [record])
    expect((await send('GET', '/v1/agents', { token })).status).toBe(200)
    await changeTokens(dataDir, () => [])
    expect((await send('GET', '/v1/agents', { token })).status).toBe(401)
  })

  it.each(['/v1/events', '/v1/turns/{id}/replies'])(
    'that is revoked ends its open streams of %s',
    async (path) => {
      const { send, dataDir, token } = await served()
      const reader = tokenFor()
      await changeTokens(dataDir, () => [reader.record])
      const body = { text: 'hang' }
      const { turn_id } = (await send('POST', '/v1/agents/a1/turns', { token, body })).json as {
        turn_id: string
      }
      const opened = deferred<undefined>()
      const headers = { accept: 'text/event-stream' }
      const asked = { token: reader.token, headers, onText: () => opened.resolve(undefined) }
      const answer = send('GET', pathWith(path, { id: turn_id }), asked)
      await opened.promise
      await changeTokens(dataDir, () => [])
      expect((await answer).status).toBe(200)
      expect((await send('GET', pathWith(path, { id: turn_id }), { token: reader.token })).status).toBe(401)
      await send('POST', `/v1/turns/${turn_id}/cancel`, { token })
    },
  )

  it('that is wrong too often is 429, also at the login', async () => {
    const { send } = await served()
    for (let i = 0; i < 10; i++)
      expect((await send('GET', '/v1/agents', { token: 'wrong' })).status).toBe(401)
    for (const { status, headers, json } of [
      await send('GET', '/v1/agents', { token: 'wrong' }),
      await send('POST', '/v1/login', { body: { token: 'wrong' } }),
    ]) {
      expect(status).toBe(429)
      expect(Number(headers['retry-after'])).toBeGreaterThan(50)
      expect(json).toMatchObject({
        code: 'ERR_OPENCODE_TOO_MANY_REFUSALS',
        retry_after_ms: expect.any(Number) as number,
      })
    }
    expect((await send('GET', '/v1/agents')).status).toBe(401)
  })

  it('that is wrong too often blocks one address behind a proxy, with trustProxy', async () => {
    const { send, token } = await served({ trustProxy: true })
    const from = (address: string) => ({ 'x-forwarded-for': `10.9.9.9, ${address}` })
    for (let i = 0; i < 10; i++)
      await send('GET', '/v1/agents', { token: 'wrong', headers: from('10.0.0.1') })
    expect((await send('GET', '/v1/agents', { token, headers: from('10.0.0.1') })).status).toBe(429)
    expect((await send('GET', '/v1/agents', { token, headers: from('10.0.0.2') })).status).toBe(200)
  })

  it.each([
    ['binary', '/bin/sh'],
    ['env', { A: 'b' }],
    ['config', { share: 'manual' }],
    ['directory', '/tmp'],
    ['trust_project_config', true],
    ['uid', 1001],
    ['gid', 1001],
  ])('for one tenant cannot give %s', async (field, value) => {
    const limited = tokenFor({ tenant: 'acme' })
    const { send } = await served({ tokens: [limited.record] })
    for (const [method, path, body] of [
      ['PUT', '/v1/agents/a1', { tenant: 'acme', [field]: value }],
      ['PATCH', '/v1/agents/a1', { [field]: value }],
      ['PUT', '/v1/agents/a2', { tenant: 'acme', [field]: value }],
      ['PUT', '/v1/agents', { agents: [{ id: 'a3', tenant: 'acme', [field]: value }] }],
    ] as const)
      expect((await send(method, path, { token: limited.token, body })).json).toMatchObject({
        status: 403,
        code: 'ERR_OPENCODE_FORBIDDEN',
        field: expect.stringMatching(new RegExp(`(^|\\.)${field}$`)) as string,
      })
  })

  it('for one tenant prunes agents of its tenant only', async () => {
    const limited = tokenFor({ tenant: 'acme' })
    const { send, token } = await served({ tokens: [limited.record] })
    const body = { agents: [{ id: 'a2', tenant: 'acme' }] }
    expect((await send('PUT', '/v1/agents?prune=true', { token: limited.token, body })).status).toBe(200)
    const { items } = (await send('GET', '/v1/agents', { token })).json as { items: { id: string }[] }
    expect(items.map(({ id }) => id).sort()).toEqual(['a2', 'b1'])
  })

  it.each<[Scope[], string, number]>([
    [['turn'], 'once', 403],
    [['turn'], 'always', 403],
    [['turn'], 'reject', 202],
    [['turn', 'approve'], 'once', 202],
  ])('with the scopes %j and on_permission %s: %i', async (some, on_permission, status) => {
    const limited = tokenWith(...some)
    const { send } = await served({ tokens: [limited.record] })
    const body = { text: 'hello', on_permission }
    expect((await send('POST', '/v1/agents/a1/turns', { token: limited.token, body })).status).toBe(status)
  })

  it.each(['/', '/tmp', '../b1/workspace'])(
    'runs no turn in %j, outside the agent’s directory',
    async (directory) => {
      const { send, token, dataDir } = await served()
      const body = {
        text: 'hello',
        directory: directory.startsWith('/') ? directory : `${dataDir}/a1/${directory}`,
      }
      expect((await send('POST', '/v1/agents/a1/turns', { token, body })).json).toMatchObject({
        status: 403,
        field: 'directory',
      })
    },
  )
})

describe('the cookie of the view', () => {
  it('is set by a login, and works for the gateway’s own pages only', async () => {
    const { send, token, host } = await served()
    const login = await send('POST', '/v1/login', { body: { token }, headers: { origin: `http://${host}` } })
    expect([login.status, login.text]).toEqual([204, ''])
    const [cookie = ''] = login.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/)
    const [pair = ''] = cookie.split(';')
    const post = (origin?: string) =>
      send('POST', '/v1/agents/a1/stop', {
        headers: { cookie: pair, ...(origin !== undefined && { origin }) },
      })
    expect((await send('GET', '/v1/agents', { headers: { cookie: pair } })).status).toBe(200)
    expect((await post(`http://${host}`)).status).toBe(200)
    for (const origin of [undefined, 'http://127.0.0.1:1', 'https://evil.example'])
      expect([origin, (await post(origin)).status]).toEqual([origin, 403])
  })
})

describe('CORS', () => {
  const origin = 'https://app.example.com'

  it('is off by default', async () => {
    const { send } = await served()
    const headers = { origin, 'access-control-request-method': 'GET' }
    const answer = await send('OPTIONS', '/v1/agents', { headers })
    expect(answer.status).toBe(403)
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('lets pages of an allowed origin read answers and problems, with a token', async () => {
    const { send, token } = await served({ allowedOrigins: [origin] })
    const asks = {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    }
    const preflight = await send('OPTIONS', '/v1/agents', { headers: asks })
    expect(preflight.status).toBe(204)
    expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
    for (const [status, asked] of [
      [200, { token }],
      [401, {}],
    ] as const) {
      const answer = await send('GET', '/v1/agents', { ...asked, headers: { origin } })
      expect(answer.status).toBe(status)
      expect(answer.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    }
    const other = await send('OPTIONS', '/v1/agents', { headers: { ...asks, origin: 'https://b.example' } })
    expect(other.status).toBe(403)
  })
})
