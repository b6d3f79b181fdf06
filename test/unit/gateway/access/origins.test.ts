import { describe, expect, it } from 'vitest'
import { HostPolicy, type HostOptions } from '../../../../src/gateway/access/host-policy.ts'
import { OriginPolicy } from '../../../../src/gateway/access/origin-policy.ts'
import { defaultBounds, checkBounds } from '../../../../src/gateway/access/request-bounds.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { requestWith, thrownBy } from '../../../support/tokens.ts'

const hostRefused = { problem: { status: 403, code: 'ERR_OPENCODE_HOST_REFUSED' } }
const originRefused = { problem: { status: 403, code: 'ERR_OPENCODE_ORIGIN_REFUSED' } }

/** Returns what the check of a host throws. */
const checkHost = (host: string, options: HostOptions = {}) =>
  thrownBy(() => new HostPolicy(options).check(new Headers({ host }), 'http://127.0.0.1/'))

describe('the check of the host', () => {
  it.each(['localhost', 'LOCALHOST:7420', 'localhost.', '127.0.0.1:7420', '127.9.9.9', '[::1]:7420'])(
    'allows %s',
    (host) => expect(checkHost(host)).toBeUndefined(),
  )

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:7420',
    '10.0.0.5',
    '0.0.0.0:7420',
    'user@localhost',
    'localhost/evil.example',
    'localhost:99999',
    'local host',
    '',
  ])('refuses %j', (host) => expect(checkHost(host)).toMatchObject(hostRefused))

  it.each<[string, HostOptions, boolean]>([
    ['agents.example.com:8443', { allowedHosts: ['agents.example.com'] }, true],
    ['agents.example.com', { allowedHosts: ['Agents.Example.com'] }, true],
    ['agents.example.com:8443', { allowedHosts: ['agents.example.com:8443'] }, true],
    ['agents.example.com:9', { allowedHosts: ['agents.example.com:8443'] }, false],
    ['a.agents.example.com', { allowedHosts: ['agents.example.com'] }, false],
    ['10.0.0.5:7420', { listenHost: '10.0.0.5' }, true],
    ['[fd00::5]:7420', { listenHost: 'fd00::5' }, true],
    ['10.0.0.6:7420', { listenHost: '10.0.0.5' }, false],
    ['10.0.0.6:7420', { listenHost: '0.0.0.0' }, true],
    ['[fd00::5]', { listenHost: '::' }, true],
    ['evil.example', { listenHost: '0.0.0.0' }, false],
  ])('%s with %j: allowed %s', (host, options, isAllowed) => {
    const thrown = checkHost(host, options)
    if (isAllowed) expect(thrown).toBeUndefined()
    else expect(thrown).toMatchObject(hostRefused)
  })

  it('checks the host of the URL if a program gives no header', () => {
    const policy = new HostPolicy({})
    expect(thrownBy(() => policy.check(new Headers(), 'http://localhost/'))).toBeUndefined()
    expect(thrownBy(() => policy.check(new Headers(), 'http://evil.example/'))).toMatchObject(hostRefused)
  })

  it.each(['https://a.example', '*', '*.a.example', 'a b', ''])('takes no option %j', (host) => {
    expect(() => new HostPolicy({ allowedHosts: [host] })).toThrow(InvalidOptionsError)
  })
})

describe('the check of the origin', () => {
  const foreign = 'https://app.example.com'
  const check = (origin: string | undefined, host = '127.0.0.1:7420', allowed: string[] = []) => {
    const headers = new Headers({ host, ...(origin !== undefined && { origin }) })
    return thrownBy(() => new OriginPolicy(allowed).check(headers, `http://${host}/`))
  }

  it.each([
    ['no origin', undefined, '127.0.0.1:7420'],
    ['the own origin', 'http://127.0.0.1:7420', '127.0.0.1:7420'],
    ['the own origin behind a proxy that ends TLS', 'https://agents.example.com', 'agents.example.com'],
    ['the own origin with the port of its scheme', 'https://agents.example.com', 'agents.example.com:443'],
  ])('allows %s', (_what, origin, host) => expect(check(origin, host)).toBeUndefined())

  it.each([
    ['another site', foreign, '127.0.0.1:7420'],
    ['another port of the host', 'http://127.0.0.1:3000', '127.0.0.1:7420'],
    ['another name of this machine', 'http://localhost:7420', '127.0.0.1:7420'],
    ['an opaque origin', 'null', '127.0.0.1:7420'],
    ['an extension', 'chrome-extension://abc', '127.0.0.1:7420'],
    ['no origin at all', 'x', '127.0.0.1:7420'],
    ['an origin with a path', 'http://127.0.0.1:7420/', '127.0.0.1:7420'],
  ])('refuses %s', (_what, origin, host) => expect(check(origin, host)).toMatchObject(originRefused))

  it('allows the origins of the options, exactly', () => {
    expect(check(foreign, undefined, [foreign])).toBeUndefined()
    expect(check('http://app.example.com', undefined, [foreign])).toMatchObject(originRefused)
    expect(check(`${foreign}:8443`, undefined, [foreign])).toMatchObject(originRefused)
  })

  it('has no CORS headers without the option, and then only for the allowed origin, never with credentials', () => {
    const headers = new Headers({ origin: foreign })
    expect(new OriginPolicy().corsHeaders(headers)).toEqual({})
    expect(new OriginPolicy(['https://other.example']).corsHeaders(headers)).toEqual({ Vary: 'Origin' })
    expect(new OriginPolicy([foreign]).corsHeaders(headers)).toEqual({
      Vary: 'Origin',
      'Access-Control-Allow-Origin': foreign,
      'Access-Control-Expose-Headers': 'Turn-Id, Retry-After, Location, X-Session-Id',
    })
  })

  it('answers the preflight of an allowed origin only', () => {
    const policy = new OriginPolicy([foreign])
    const asks = { origin: foreign, 'access-control-request-method': 'POST' }
    const answer = policy.preflight('OPTIONS', new Headers(asks))
    expect(answer?.status).toBe(204)
    expect(Object.fromEntries(answer?.headers ?? [])).toMatchObject({
      'access-control-allow-origin': foreign,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': expect.stringContaining('Idempotency-Key') as string,
      vary: 'Origin',
    })
    expect(answer?.headers.has('access-control-allow-credentials')).toBe(false)
    // The openai package names itself by headers of its own.
    const wanted = {
      ...asks,
      'access-control-request-headers': 'x-stainless-os, X-Stainless-Retry-Count, x-evil',
    }
    const allowed = policy
      .preflight('OPTIONS', new Headers(wanted))
      ?.headers.get('access-control-allow-headers')
    expect(allowed).toMatch(/, X-Session-Id, x-stainless-os, x-stainless-retry-count$/)
    expect(policy.preflight('POST', new Headers(asks))).toBeUndefined()
    expect(policy.preflight('OPTIONS', new Headers({ origin: foreign }))).toBeUndefined()
    expect(policy.preflight('OPTIONS', new Headers({ ...asks, origin: 'https://b.example' }))).toBeUndefined()
  })

  it.each(['app.example.com', 'https://app.example.com/', '*', 'null', 'file:///x'])(
    'takes no option %j',
    (origin) => expect(() => new OriginPolicy([origin])).toThrow(InvalidOptionsError),
  )
})

describe('checkBounds', () => {
  const check = (request: Request) => thrownBy(() => checkBounds(request, defaultBounds))

  it('allows requests at the bounds', () => {
    expect(check(requestWith({ 'content-length': '33554432' }, 'POST'))).toBeUndefined()
    expect(check(requestWith({}, 'GET', `/${'x'.repeat(8191)}`))).toBeUndefined()
    expect(check(requestWith({ a: 'x'.repeat(16_383) }))).toBeUndefined()
  })

  it.each([
    ['body', requestWith({ 'content-length': '33554433' }, 'POST'), 413],
    ['URL', requestWith({}, 'GET', `/a?b=${'x'.repeat(8192)}`), 414],
    ['headers', requestWith({ a: 'x'.repeat(8192), b: 'x'.repeat(8192) }), 431],
  ])('refuses a larger %s', (_what, request, status) => {
    expect(check(request)).toMatchObject({ problem: { status, code: 'ERR_OPENCODE_TOO_LARGE' } })
  })
})
