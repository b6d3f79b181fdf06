import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Authority, type AuthorityOptions } from '../../../../src/gateway/access/authority.ts'
import { anyone } from '../../../../src/gateway/access/caller.ts'
import { loginMs, loginsFile } from '../../../../src/gateway/access/login-store.ts'
import { changeTokens, tokensFile } from '../../../../src/gateway/access/token-file.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { accessClock, requestWith, thrownBy, tokenFor, writeTokens } from '../../../support/tokens.ts'
import { tempHome } from '../../../support/home.ts'

function authorityWith(options: Partial<AuthorityOptions> = {}) {
  const clock = accessClock()
  const warnings: string[] = []
  const dataDir = options.dataDir ?? tempHome()
  const warn = (message: string) => warnings.push(message)
  const authority = new Authority({ clock, warn, ...options, dataDir })
  return { authority, clock, dataDir, warnings }
}

const bearer = (token: string) => requestWith({ authorization: `Bearer ${token}` })
const problem = (status: number, code?: string) => ({
  problem: { status, ...(code !== undefined && { code }) },
})

describe('authenticate', () => {
  it('returns the caller of a token of the options, and of a token of the file', () => {
    const dataDir = tempHome()
    const [given, kept] = [
      tokenFor({ id: 'given' }),
      tokenFor({ id: 'kept', agents: ['a1'], tenant: 'acme' }),
    ]
    writeTokens(dataDir, [kept.record])
    const { authority } = authorityWith({ dataDir, tokens: [given.record] })
    expect(authority.authenticate(bearer(given.token))).toMatchObject({ tokenId: 'given', agents: undefined })
    expect(authority.authenticate(bearer(kept.token))).toEqual({
      tokenId: 'kept',
      scopes: new Set(['read', 'turn', 'approve', 'admin']),
      agents: new Set(['a1']),
      tenant: 'acme',
    })
  })

  it('takes the name of the scheme in any case', () => {
    const { token, record } = tokenFor()
    const { authority } = authorityWith({ tokens: [record] })
    expect(authority.authenticate(requestWith({ authorization: `bearer ${token}` })).tokenId).toBe(record.id)
  })

  it.each([
    ['no token', {}],
    ['an unknown token', { authorization: 'Bearer ort_unknown' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['an endless token', { authorization: `Bearer ${'x'.repeat(2000)}` }],
    ['the hash in the place of the token', { authorization: `Bearer ${tokenFor().record.hash}` }],
  ])('refuses %s with 401 and the scheme to use', (_what, headers) => {
    const { authority } = authorityWith({ tokens: [tokenFor().record] })
    expect(thrownBy(() => authority.authenticate(requestWith(headers)))).toMatchObject({
      ...problem(401, 'ERR_OPENCODE_UNAUTHORIZED'),
      headers: { 'WWW-Authenticate': expect.stringContaining('Bearer') as string },
    })
  })

  it('names the command that creates a token if there is none', () => {
    const { authority } = authorityWith()
    expect(() => authority.authenticate(requestWith())).toThrow('opencode-runtime token create --data-dir')
  })

  it('says how to send a token to a caller without one, or with another scheme', () => {
    const { token, record } = tokenFor()
    const { authority } = authorityWith({ tokens: [record] })
    for (const headers of [{}, { authorization: token }, { authorization: 'Basic YTpi' }])
      expect(() => authority.authenticate(requestWith(headers))).toThrow('Authorization: Bearer <token>')
    expect(() => authority.authenticate(bearer('ort_other'))).toThrow('unknown, revoked or expired')
  })

  it('names the command that creates a token also to a caller whose token is of another folder', () => {
    const { authority } = authorityWith()
    expect(() => authority.authenticate(bearer(tokenFor().token))).toThrow('token create --data-dir')
  })

  it('refuses a token from the time at which it expires', () => {
    const { token, record } = tokenFor({ expiresAt: '2026-01-01T01:00:00+01:00' })
    const later = tokenFor({ expiresAt: '2026-01-01T00:00:00.001Z' })
    const { authority, clock } = authorityWith({ tokens: [record, later.record] })
    expect(thrownBy(() => authority.authenticate(bearer(token)))).toMatchObject(problem(401))
    expect(authority.authenticate(bearer(later.token)).tokenId).toBe(later.record.id)
    clock.increment(1)
    expect(thrownBy(() => authority.authenticate(bearer(later.token)))).toMatchObject(problem(401))
  })

  it('knows a token that was created, and refuses a token that was revoked, from the next request on', async () => {
    const { authority, dataDir } = authorityWith()
    const { token, record } = tokenFor()
    expect(thrownBy(() => authority.authenticate(bearer(token)))).toMatchObject(problem(401))
    await changeTokens(dataDir, (tokens) => [...tokens, record])
    const caller = authority.authenticate(bearer(token))
    expect(authority.authenticate(bearer(token))).toBe(caller)
    await changeTokens(dataDir, () => [])
    expect(thrownBy(() => authority.authenticate(bearer(token)))).toMatchObject(problem(401))
  })

  it('keeps the tokens of before, and warns once, if the changed file cannot be used', () => {
    const dataDir = tempHome()
    const { token, record } = tokenFor()
    writeTokens(dataDir, [record])
    const { authority, warnings } = authorityWith({ dataDir })
    writeFileSync(tokensFile(dataDir), '{"format":1,"tok')
    expect(authority.authenticate(bearer(token)).tokenId).toBe(record.id)
    expect(authority.authenticate(bearer(token)).tokenId).toBe(record.id)
    expect(warnings).toEqual([expect.stringContaining('the tokens of before stay: tokens.json is damaged')])
    rmSync(tokensFile(dataDir))
    expect(thrownBy(() => authority.authenticate(bearer(token)))).toMatchObject(problem(401))
  })

  it.each([
    ['is damaged', 'no JSON', /tokens\.json is damaged/],
    ['is of a newer version', '{"format":2,"tokens":[]}', /format 2 of a newer version/],
    ['has a token without scopes', '{"format":1,"tokens":[{"id":"a","hash":"x"}]}', /tokens\[0\]/],
    [
      'has two tokens with one id',
      JSON.stringify({ format: 1, tokens: [tokenFor({ id: 'a' }).record, tokenFor({ id: 'a' }).record] }),
      /two tokens with the id a/,
    ],
  ])('is not made if the file %s', (_what, text, message) => {
    const dataDir = tempHome()
    writeTokens(dataDir, [])
    writeFileSync(tokensFile(dataDir), text)
    expect(() => authorityWith({ dataDir })).toThrow(message)
    expect(() => authorityWith({ dataDir })).toThrow(InvalidOptionsError)
  })

  it('allows every request without tokens, with insecureNoAuth', async () => {
    const { authority } = authorityWith({ insecureNoAuth: true })
    expect(authority.authenticate(requestWith())).toBe(anyone)
    expect(await authority.login('anything', requestWith())).toBeUndefined()
  })
})

describe('the limit of refusals', () => {
  const wrong = bearer('ort_wrong')

  it('answers 429 with the time to wait after 10 refusals in a minute, also for a valid token', () => {
    const { token, record } = tokenFor()
    const { authority, clock } = authorityWith({ tokens: [record] })
    for (let i = 0; i < 10; i++) {
      expect(thrownBy(() => authority.authenticate(wrong, '10.0.0.1'))).toMatchObject(problem(401))
      clock.increment(1_000)
    }
    for (const request of [wrong, bearer(token)])
      expect(thrownBy(() => authority.authenticate(request, '10.0.0.1'))).toMatchObject({
        problem: { status: 429, retry_after_ms: 50_000 },
        headers: { 'Retry-After': '50' },
      })
    expect(authority.authenticate(bearer(token), '10.0.0.2').tokenId).toBe(record.id)
    clock.increment(50_000)
    expect(authority.authenticate(bearer(token), '10.0.0.1').tokenId).toBe(record.id)
  })

  it('counts no request without a token, and no stale cookie', async () => {
    const { token, record } = tokenFor()
    const { authority, clock } = authorityWith({ tokens: [record] })
    const cookie = (await authority.login(token, requestWith()))?.split(';')[0] ?? ''
    clock.increment(loginMs)
    for (let i = 0; i < 30; i++)
      for (const headers of [{}, { cookie }])
        expect(thrownBy(() => authority.authenticate(requestWith(headers)))).toMatchObject(problem(401))
  })

  it('counts the refusals of a login', async () => {
    const { authority } = authorityWith({ tokens: [tokenFor().record] })
    for (let i = 0; i < 10; i++)
      await expect(authority.login('no', requestWith())).rejects.toMatchObject(problem(401))
    await expect(authority.login('no', requestWith())).rejects.toMatchObject(problem(429))
  })
})

describe('the cookie of the view', () => {
  async function loggedIn() {
    const { token, record } = tokenFor()
    const made = authorityWith({ tokens: [record] })
    const header = (await made.authority.login(token, requestWith())) ?? ''
    return { ...made, token, record, header, cookie: header.split(';')[0] ?? '' }
  }

  it('is HttpOnly and of the same site, and Secure over https only', async () => {
    const { authority, header, token } = await loggedIn()
    expect(header).toMatch(
      /^opencode_runtime_[\da-f]{12}=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    )
    for (const request of [
      requestWith({ 'x-forwarded-proto': 'https' }),
      requestWith({ origin: 'https://agents.example.com' }),
      new Request('https://agents.example.com/v1/login'),
    ])
      expect(await authority.login(token, request)).toMatch(
        /^__Host-opencode_runtime_.*; SameSite=Strict; Secure$/,
      )
  })

  it('proves the caller, beside the cookies of other programs', async () => {
    const { authority, cookie, record } = await loggedIn()
    const request = requestWith({ cookie: `a=b; ${cookie}; c=d=e` })
    expect(authority.authenticate(request).tokenId).toBe(record.id)
    expect(authority.authenticate(requestWith({ cookie: `__Host-${cookie}` })).tokenId).toBe(record.id)
  })

  it('holds nothing of the token, and the file holds neither the cookie nor the token', async () => {
    const { cookie, token, dataDir } = await loggedIn()
    const [, secret = ''] = cookie.split('=')
    expect(token).not.toContain(secret.slice(0, 8))
    const text = readFileSync(loginsFile(dataDir), 'utf8')
    expect(text).not.toContain(secret)
    expect(text).not.toContain(token)
    expect(statSync(loginsFile(dataDir)).mode & 0o777).toBe(0o600)
  })

  it('outlives a restart, but neither its time nor its token', async () => {
    const { dataDir, record, cookie, clock } = await loggedIn()
    const restarted = new Authority({ dataDir, tokens: [record], clock })
    expect(restarted.authenticate(requestWith({ cookie })).tokenId).toBe(record.id)
    const rotated = new Authority({ dataDir, tokens: [tokenFor({ id: record.id }).record], clock })
    expect(thrownBy(() => rotated.authenticate(requestWith({ cookie })))).toMatchObject({
      ...problem(401),
      headers: { 'Set-Cookie': expect.stringMatching(/=; Path=\/; Max-Age=0;/) as string },
    })
    clock.increment(loginMs)
    expect(thrownBy(() => restarted.authenticate(requestWith({ cookie })))).toMatchObject(problem(401))
  })

  it.each<[string, string, Record<string, string>, number | undefined]>([
    ['GET of the view', 'GET', {}, undefined],
    ['GET with the own origin', 'GET', { origin: 'http://127.0.0.1:7420' }, undefined],
    ['POST with the own origin', 'POST', { origin: 'http://127.0.0.1:7420' }, undefined],
    ['POST without an origin', 'POST', {}, 403],
    ['POST from another port', 'POST', { origin: 'http://127.0.0.1:3000' }, 403],
    ['GET from another port', 'GET', { 'sec-fetch-site': 'same-site' }, 403],
    ['GET from another site', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['GET of an opaque origin', 'GET', { origin: 'null' }, 403],
  ])('%s: method %s, headers %j, refused with %s', async (_what, method, headers, status) => {
    const { authority, cookie, record } = await loggedIn()
    const request = requestWith({ cookie, ...headers }, method)
    if (status === undefined) expect(authority.authenticate(request).tokenId).toBe(record.id)
    else expect(thrownBy(() => authority.authenticate(request))).toMatchObject(problem(status))
  })

  it('is known after two logins at the same time', async () => {
    const { authority, token, dataDir, record, clock } = await loggedIn()
    const headers = await Promise.all([0, 1, 2].map(() => authority.login(token, requestWith())))
    const restarted = new Authority({ dataDir, tokens: [record], clock })
    for (const header of headers) {
      const request = requestWith({ cookie: header?.split(';')[0] ?? '' })
      expect(restarted.authenticate(request).tokenId).toBe(record.id)
    }
  })

  it('is no longer known if the file of logins is damaged, and a new login works', async () => {
    const { dataDir, record, cookie, token, clock } = await loggedIn()
    writeFileSync(loginsFile(dataDir), '{"logins":[{}]}')
    const restarted = new Authority({ dataDir, tokens: [record], clock })
    expect(thrownBy(() => restarted.authenticate(requestWith({ cookie })))).toMatchObject(problem(401))
    const again = (await restarted.login(token, requestWith()))?.split(';')[0] ?? ''
    expect(restarted.authenticate(requestWith({ cookie: again })).tokenId).toBe(record.id)
  })
})

describe('follow', () => {
  async function following(change: Parameters<typeof changeTokens>[1]) {
    const dataDir = tempHome()
    const { token, record } = tokenFor({ id: 'a', expiresAt: '2026-01-01T01:00:00Z' })
    writeTokens(dataDir, [record, tokenFor({ id: 'b' }).record])
    const made = authorityWith({ dataDir })
    const { signal, stop } = made.authority.follow(made.authority.authenticate(bearer(token)))
    made.clock.increment(5_000)
    expect(signal.aborted).toBe(false)
    await changeTokens(dataDir, change)
    return { ...made, signal, stop, token }
  }

  it('aborts within a second after the token was revoked', async () => {
    const { signal, clock } = await following((tokens) => tokens.filter(({ id }) => id !== 'a'))
    expect(signal.aborted).toBe(false)
    clock.increment(1_000)
    expect(signal.aborted).toBe(true)
  })

  it('aborts at once if another request shows the revocation', async () => {
    const { signal, authority, token } = await following(() => [])
    expect(thrownBy(() => authority.authenticate(bearer(token)))).toMatchObject(problem(401))
    expect(signal.aborted).toBe(true)
  })

  it('aborts if the token has lost a scope, or has expired', async () => {
    const less = await following((tokens) => tokens.map((token) => ({ ...token, scopes: ['read'] as const })))
    less.clock.increment(1_000)
    expect(less.signal.aborted).toBe(true)
    const expired = await following((tokens) => tokens)
    expired.clock.increment(3_600_000)
    expect(expired.signal.aborted).toBe(true)
  })

  it('does not abort for the change of another token, and after stop', async () => {
    const other = await following((tokens) => tokens.filter(({ id }) => id === 'a'))
    other.clock.increment(10_000)
    expect(other.signal.aborted).toBe(false)
    const stopped = await following(() => [])
    stopped.stop()
    stopped.clock.increment(10_000)
    expect(stopped.signal.aborted).toBe(false)
  })
})
