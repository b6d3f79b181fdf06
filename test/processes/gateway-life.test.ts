import { describe, expect, it } from 'vitest'
import { createGateway } from '../../src/gateway/index.ts'
import { InvalidOptionsError } from '../../src/errors.ts'
import { fakeFleet } from '../support/fleet.ts'
import { fakeGateway } from '../support/gateway.ts'

describe('a gateway', () => {
  it('answers at once, and is ready when the fleet and the store are', async () => {
    const { client } = await fakeGateway()
    const open = client.as(undefined)
    expect((await open.call('GET', '/healthz')).body).toEqual({ status: 'ok' })
    expect((await open.call('GET', '/readyz')).body).toEqual({ status: 'ready', store: 'ok' })
    expect((await open.call('GET', '/metrics')).status).toBe(401)
    expect((await client.call('GET', '/metrics')).text).toContain('opencode_gateway_ready 1')
  })

  it('leaves the fleet to its owner when it closes, and answers 503 afterwards', async () => {
    const { client, gateway, fleet } = await fakeGateway()
    await fleet.put({ id: 'a1' })
    await gateway.close({ drainMs: 0 })
    await gateway.close()
    const answer = await fetch(`${client.url}/readyz`)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
    expect((await fleet.turn('a1', 'echo:hi').done).kind).toBe('final')
  })

  it('opens again on the same folder', async () => {
    const { fleet } = await fakeFleet()
    for (let i = 0; i < 2; i++) {
      const gateway = createGateway({ fleet, insecureNoAuth: true })
      await gateway.ready
      const answer = await gateway.fetch(new Request('http://127.0.0.1/v1/usage'))
      expect(answer.status).toBe(200)
      await gateway.close()
    }
  })

  it('exchanges a token for the cookie of the view', async () => {
    const { url, all } = await fakeGateway()
    const login = (token: string) =>
      fetch(`${url}/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url },
        body: JSON.stringify({ token }),
      })
    expect((await login('wrong')).status).toBe(401)
    const answer = await login(all.token)
    expect(answer.status).toBe(204)
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/)
    const read = await fetch(`${url}/v1/agents`, { headers: { cookie: cookie.split(';')[0] ?? '' } })
    expect(read.status).toBe(200)
  })

  it('answers HEAD as GET without a body', async () => {
    const { url } = await fakeGateway()
    const answer = await fetch(`${url}/healthz`, { method: 'HEAD' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  it.each<[Record<string, unknown>, string]>([
    [{ fleet: {} }, '`fleet` is required'],
    [{ retentionDays: 0 }, 'retentionDays'],
    [{ maxBodyByte: 5 }, 'did you mean maxBodyBytes?'],
    [{ dataDir: 'relative' }, 'dataDir'],
    [{ allowedOrigins: ['example.com'] }, 'allowedOrigins'],
    [{ tokens: [{ id: 'x', hash: 'plain', scopes: ['read'] }] }, 'tokens[0].hash'],
  ])('refuses the options %j', async (options, message) => {
    const { fleet } = await fakeFleet()
    const make = () => createGateway({ fleet, ...options })
    expect(make).toThrow(InvalidOptionsError)
    expect(make).toThrow(message)
  })
})
