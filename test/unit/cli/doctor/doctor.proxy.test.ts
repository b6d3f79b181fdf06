import { execFileSync } from 'node:child_process'
import dns from 'node:dns'
import { readFileSync } from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { DoctorContext } from '../../../../src/cli/doctor/context.ts'
import { checkHttpProxy } from '../../../../src/cli/doctor/http-proxy.ts'
import { checkKey } from '../../../../src/cli/doctor/key.ts'
import { checkModels } from '../../../../src/cli/doctor/models.ts'
import { explain } from '../../../../src/cli/doctor/proxy-answer.ts'
import { checkProxy } from '../../../../src/cli/doctor/proxy.ts'
import type { DoctorFlags } from '../../../../src/cli/flags.ts'
import {
  doctorContext,
  doctorKey,
  findings,
  modelList,
  serve,
  unresolvable,
} from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

const ask = (flags: DoctorFlags, over: Partial<DoctorContext> = {}) =>
  findings(checkProxy, doctorContext(flags, over))

const json =
  (body: string, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)

const html =
  (status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><p>Hi')

async function listening(server: Server): Promise<number> {
  onTestFinished(() => void server.close())
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return (server.address() as AddressInfo).port
}

describe('checkProxy', () => {
  it('is skipped without --proxy, and names the missing flag', async () => {
    expect(await ask({ model: ['m'] })).toEqual([
      { check: 'proxy', status: 'skipped', finding: 'give --proxy' },
      { check: 'models', status: 'skipped', finding: 'give --proxy and --model' },
    ])
  })

  it('requests the models once, with the key, and reports whether the proxy lists them', async () => {
    const { url, requests } = await serve(json(modelList('gpt-4o', 'local')))
    const found = await ask({ proxy: `${url}/v1/`, model: ['gpt-4o', 'gpt-4', 'gpt-4o'] })
    expect(found).toEqual([
      { check: 'proxy', status: 'ok', finding: `${url}/v1 answers and lists 2 models` },
      { check: 'models', status: 'ok', finding: 'the proxy lists gpt-4o' },
      {
        check: 'models',
        status: 'failure',
        finding: 'the proxy does not list gpt-4',
        advice: 'Did you mean gpt-4o? Otherwise, add the model to the proxy, or allow the key to use it.',
      },
    ])
    expect(requests.map(({ method, url: path }) => `${method ?? ''} ${path ?? ''}`)).toEqual([
      'GET /v1/models',
    ])
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${doctorKey}`)
  })

  it.each(['nonsense', 'localhost:4000/v1', 'ftp://host/v1', 'user:hunter22@host:4000', ''])(
    'rejects %j, which is not an http or https URL',
    async (proxy) => {
      const [found, models] = await ask({ proxy, model: ['m'] })
      expect(found).toMatchObject({ check: 'proxy', status: 'failure' })
      expect(JSON.stringify(found)).not.toContain('hunter22')
      expect(found?.advice).toContain('http://127.0.0.1:4000/v1')
      expect(models).toMatchObject({ check: 'models', status: 'skipped' })
    },
  )

  it.each([
    [401, { error: { message: 'Incorrect API key' } }, /answers 401: Incorrect API key$/, /Check the key in/],
    [403, { detail: 'not allowed' }, /answers 403: not allowed$/, /may not list models/],
    [404, { message: 'Not Found' }, /answers 404: Not Found$/, /Check host, port and path/],
    [405, {}, /answers 405: \{\}$/, /Check host, port and path/],
    [407, { error: 'who' }, /answers 407: who$/, /HTTP_PROXY/],
    [429, { error: { message: 'slow down' } }, /answers 429/, /wait, or raise the limit/],
    [503, { error: { message: 'no backend' } }, /answers 503: no backend$/, /check the log of the proxy/],
    [400, { error: { message: 'bad' } }, /answers 400: bad$/, /rejects the request/],
  ])('gives advice for status %d', async (status, body, finding, advice) => {
    const { url } = await serve(json(JSON.stringify(body), status))
    const [found, models] = await ask({ proxy: `${url}/v1`, model: ['m'] })
    expect(found).toMatchObject({ check: 'proxy', status: 'failure' })
    expect(found?.finding).toMatch(finding)
    expect(found?.advice).toMatch(advice)
    expect(models).toMatchObject({ check: 'models', status: 'skipped' })
  })

  it('asks for a key after a 401 without a key', async () => {
    const { url, requests } = await serve(json('{}', 401))
    const [found] = await ask({ proxy: url }, { apiKey: undefined })
    expect(found?.advice).toBe("The proxy requires a key: export OPENCODE_RUNTIME_API_KEY='…'.")
    expect(requests[0]?.headers.authorization).toBeUndefined()
  })

  it.each([
    ['', '/v1', 'a missing /v1'],
    ['/v1/chat/completions', '/v1', 'the path of a call'],
    ['/models', '/v1', 'the path of a call without /v1'],
  ])('finds the right URL for %j (%s, %s)', async (path, right) => {
    const { url } = await serve((request, response) =>
      request.url === '/v1/models' ? json(modelList('m'))(request, response) : html(404)(request, response),
    )
    const [found] = await ask({ proxy: `${url}${path}` })
    expect(found).toMatchObject({
      status: 'failure',
      advice: `Give --proxy ${url}${right}, which lists models.`,
    })
  })

  it.each([
    ['a web page', html(), '/v1', /answers with a web page$/, /Check host, port and path/],
    [
      'a web page without /v1',
      html(),
      '',
      /answers with a web page$/,
      /Is \/v1 missing\? Try --proxy .*\/v1\./,
    ],
    [
      'another JSON',
      json('{"ok":true}'),
      '/v1',
      /does not answer with a list of models/,
      /OpenAI-compatible/,
    ],
    ['JSON with other entries', json('{"data":[{"name":"m"}]}'), '/v1', /as OpenAI does/, /Give an/],
    ['null', json('null'), '/v1', /does not answer with a list of models/, /OpenAI-compatible/],
    ['half a JSON', json('{"data":['), '/v1', /does not answer with a list of models/, /OpenAI-compatible/],
  ])('tells %s from a list of models', async (_what, answer, path, finding, advice) => {
    const { url } = await serve(answer)
    const [found] = await ask({ proxy: `${url}${path}` })
    expect(found).toMatchObject({ status: 'failure' })
    expect(found?.finding).toMatch(finding)
    expect(found?.advice).toMatch(advice)
  })

  it('follows no redirect, and shows its target without the parts that may be secret', async () => {
    const { url, requests } = await serve((_request, response) =>
      response.writeHead(302, { location: `https://u:pw1234@login.example/x/${doctorKey}?t=1234` }).end(),
    )
    const [found] = await ask({ proxy: `${url}/v1` })
    expect(found?.finding).toBe(`${url}/v1/models redirects (302) to https://login.example/x/***`)
    expect(requests).toHaveLength(1)
  })

  it('stops reading an endless answer', async () => {
    const { url } = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    })
    const [found] = await ask({ proxy: `${url}/v1` })
    expect(found?.finding).toMatch(/sends too much data for a list of models$/)
  })

  it('reports a refused connection, an unknown name, a silent server and a closed connection', async () => {
    const closed = createTcp()
    const port = await listening(closed)
    await new Promise((done) => closed.close(done))
    const [refused] = await ask({ proxy: `http://127.0.0.1:${port}/v1` })
    expect(refused).toMatchObject({ status: 'failure', finding: `nothing listens at 127.0.0.1:${port}` })
    expect(refused?.advice).toMatch(/Start the proxy, or correct its port/)
    const [nameless] = await ask({ proxy: `http://${unresolvable}/v1` })
    expect(nameless?.finding).toContain(`the name ${unresolvable} cannot be resolved (E`)
    const { url } = await serve(() => undefined)
    const [silent] = await ask({ proxy: `${url}/v1` }, { timeLimitMs: 200 })
    expect(silent?.finding).toBe(`${new URL(url).host} does not answer within 0.2 s`)
    const rude = await listening(createTcp((socket) => socket.destroy()))
    const [hungUp] = await ask({ proxy: `http://127.0.0.1:${rude}/v1` })
    expect(hungUp?.finding).toMatch(/closes the connection/)
    expect(hungUp?.advice).toMatch(/https:\/\//)
  })

  it('does not wait longer than the time limit for an answer that stops', async () => {
    const { url } = await serve((_request, response) => void response.writeHead(200).write('{"data":['))
    const [found] = await ask({ proxy: `${url}/v1` }, { timeLimitMs: 300 })
    expect(found?.finding).toMatch(/does not answer within 0\.3 s$/)
  })

  it('does not wait longer than the time limit for a resolver that is silent', async () => {
    using lookup = vi.spyOn(dns, 'lookup').mockImplementation(() => undefined)
    const [found] = await ask({ proxy: 'http://proxy.example/v1' }, { timeLimitMs: 200 })
    expect(found?.finding).toBe('proxy.example does not answer within 0.2 s')
    expect(lookup).toHaveBeenCalledOnce()
  }, 9_000)

  it('reports TLS to a plain port and to a server without a certificate', async () => {
    const { url } = await serve(json(modelList('m')))
    const [plain] = await ask({ proxy: `${url.replace('http', 'https')}/v1` })
    expect(plain?.finding).toMatch(/has no trusted certificate, or does not speak TLS/)
    expect(plain?.advice).toBe('If it is a plain http port, give http://.')
    const bare = await listening(createTls())
    const [none] = await ask({ proxy: `https://127.0.0.1:${bare}/v1` })
    expect(none?.finding).toMatch(/has no trusted certificate, or does not speak TLS/)
  })

  it.runIf(hasOpenssl())('reports a self-signed certificate', async () => {
    const folder = tempHome()
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-days', '1', '-nodes']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    const args = ['req', '-x509', ...curve, '-keyout', keyFile, '-out', certFile, ...subject]
    execFileSync('openssl', args, { stdio: 'ignore' })
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certFile) }
    const port = await listening(createHttps(tls, json(modelList('m'))))
    const [found] = await ask({ proxy: `https://127.0.0.1:${port}/v1` })
    expect(found?.finding).toMatch(/\((DEPTH_ZERO_)?SELF_SIGNED_CERT\)$/)
    expect(found?.advice).toMatch(/NODE_EXTRA_CA_CERTS/)
  })

  it.each([
    ['CERT_HAS_EXPIRED', /Renew the certificate/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /a host name that the certificate covers/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
    ['EHOSTUNREACH', /Check the address and the network/],
    ['UND_ERR_CONNECT_TIMEOUT', /firewall, VPN/],
    ['EAI_AGAIN', /DNS/],
  ])('gives advice for %s', (code, advice) => {
    const about = { hasKey: true, timeLimitMs: 10_000, via: undefined, quote: (text: string) => text }
    const answer = { kind: 'failed', code, message: '' } as const
    expect(explain(answer, new URL('https://h/v1'), about).advice).toMatch(advice)
  })
})

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('masking of secrets', () => {
  it('masks a key that the proxy echoes, also coloured, split or at the end of the shown text', async () => {
    const coloured = doctorKey.split('').join('\u001b[0m')
    for (const echo of [
      doctorKey,
      coloured,
      `${'x'.repeat(190)}${doctorKey}`,
      encodeURIComponent(doctorKey),
    ]) {
      const message = `bad key ${echo}\nAuthorization: Bearer ${doctorKey}`
      const { url } = await serve(json(JSON.stringify({ error: { message } }), 401))
      const shown = JSON.stringify(await ask({ proxy: `${url}/v1` }))
      expect(shown).toMatch(/\*/)
      for (let from = 0; from + 8 <= doctorKey.length; from++)
        expect(shown).not.toContain(doctorKey.slice(from, from + 8))
    }
  })

  it('masks the key in names of models and in the list of models', async () => {
    const { url } = await serve(json(modelList(`${doctorKey}x`)))
    const shown = JSON.stringify(await ask({ proxy: `${url}/v1`, model: [doctorKey] }))
    expect(shown).not.toContain(doctorKey)
  })

  it('reports secrets in the URL, and neither sends nor shows them', async () => {
    const { url, requests } = await serve(json(modelList('m')))
    const proxy = `${url.replace('//', '//user:p%40ssw0rd@')}/v1?api_key=hunter2222`
    const found = await ask({ proxy })
    expect(found.map(({ check, status }) => `${check} ${status}`)).toEqual([
      'proxy warning',
      'proxy failure',
      'proxy ok',
      'models skipped',
    ])
    expect(found[1]?.advice).toContain(`give only ${url}/v1`)
    expect(JSON.stringify(found)).not.toMatch(/ssw0rd|hunter2222/)
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${doctorKey}`)
    expect(requests[0]?.url).toBe('/v1/models')
  })

  it('masks a token as user name, and a password with an @, that the proxy echoes', async () => {
    const { url } = await serve(json('{"error":"token-123456 and p@ss:word are wrong"}', 401))
    for (const user of ['token-123456', 'u:p@ss:word', 'u:p%40ss%3Aword']) {
      const [, found] = await ask({ proxy: url.replace('//', `//${user}@`) })
      expect(found?.finding).toContain('***')
      if (user.startsWith('u:')) expect(found?.finding).not.toContain('p@ss:word')
      else expect(found?.finding).not.toContain('token-123456')
    }
  })
})

describe('checkKey', () => {
  const key = (value: string | undefined, flags: DoctorFlags = { proxy: 'http://h/v1' }) =>
    findings(checkKey, doctorContext(flags, { env: { OPENCODE_RUNTIME_API_KEY: value } }))

  it.each([
    [undefined, 'failure', /is not set/],
    [' \n', 'failure', /is not set/],
    ['sk-with space', 'failure', /an HTTP header cannot carry/],
    ['sk-schlüssel', 'failure', /an HTTP header cannot carry/],
    ["'sk-quoted'", 'warning', /in quotes/],
    ['Bearer-sk', 'warning', /begins with Bearer/],
    ['sk-...', 'warning', /placeholder/],
    [' sk-1234\n', 'ok', /is set$/],
  ])('reports %j as %s', async (value, status, finding) => {
    const [found] = await key(value)
    expect(found).toMatchObject({ check: 'key', status })
    expect(found?.finding).toMatch(finding)
    if (value !== undefined && value.trim() !== '') expect(JSON.stringify(found)).not.toContain(value.trim())
  })

  it('is skipped without --proxy', async () => {
    expect(await key(undefined, {})).toMatchObject([{ status: 'skipped' }])
  })
})

describe('checkModels', () => {
  it('accepts a model that a wildcard covers', () => {
    expect(checkModels(['openai/gpt-4o'], ['openai/*'])).toMatchObject([
      { status: 'ok', finding: 'the proxy lists openai/*, which covers openai/gpt-4o' },
    ])
    expect(checkModels(['gpt-4o'], ['openai/*', '*'])).toMatchObject([{ status: 'failure' }])
  })

  it('reports a proxy that lists no models', () => {
    expect(checkModels(['m'], [])).toMatchObject([
      { status: 'failure', finding: 'the proxy lists no models, so m is missing' },
    ])
    expect(checkModels([], ['m'])).toMatchObject([{ status: 'skipped', finding: 'give --model' }])
  })

  it('lists up to ten models of the proxy if no model resembles the wanted model', () => {
    const ids = Array.from({ length: 12 }, (_, i) => `model-${i}`)
    expect(checkModels(['llama-3-70b'], ids)).toMatchObject([
      {
        finding: 'the proxy does not list llama-3-70b',
        advice: `Use a model that the proxy lists (${ids.slice(0, 10).join(', ')} and 2 more), add llama-3-70b to the proxy, or allow the key to use it.`,
      },
    ])
  })
})

describe('checkHttpProxy', () => {
  const check = (env: NodeJS.ProcessEnv, flags: DoctorFlags = { proxy: 'http://models.example/v1' }) =>
    findings(checkHttpProxy, doctorContext(flags, { env }))
  const proxy = 'http://me:hunter2222@squid:3128'

  it.each([
    ['accepts an environment without HTTP proxy', {}, {}, 'ok', /not set/],
    ['is skipped without --proxy', { HTTP_PROXY: proxy }, {}, 'skipped', /HTTP_PROXY is set: give --proxy/],
    [
      'accepts a loopback endpoint',
      { HTTP_PROXY: proxy },
      { proxy: 'http://127.0.0.1:4/v1' },
      'ok',
      /reached directly/,
    ],
    [
      'accepts a localhost endpoint',
      { HTTP_PROXY: proxy },
      { proxy: 'http://localhost:4/v1' },
      'ok',
      /reached directly/,
    ],
    [
      'warns of an address that only looks like loopback',
      { HTTP_PROXY: proxy },
      { proxy: 'http://127.0.0.2/v1' },
      'warning',
      /squid/,
    ],
    [
      'accepts an endpoint that NO_PROXY lists',
      { HTTP_PROXY: proxy, NO_PROXY: 'example' },
      undefined,
      'ok',
      /reached directly/,
    ],
    [
      'warns that the HTTP proxy sees the key of an http endpoint',
      { HTTP_PROXY: proxy },
      undefined,
      'warning',
      /squid:3128 \(HTTP_PROXY\), which can read the key/,
    ],
    [
      'warns that the HTTP proxy tunnels an https endpoint',
      { https_proxy: proxy },
      { proxy: 'https://h/v1' },
      'warning',
      /squid:3128 \(https_proxy\)$/,
    ],
    [
      'rejects a variable that is not a URL',
      { HTTP_PROXY: 'squid:3128' },
      undefined,
      'failure',
      /HTTP_PROXY is not an http or https URL/,
    ],
  ])('%s', async (_what, env, flags, status, finding) => {
    const [found] = await check(env, flags)
    expect(found).toMatchObject({ check: 'http proxy', status })
    expect(found?.finding).toMatch(finding)
    expect(JSON.stringify(found)).not.toContain('hunter2222')
    if (status === 'warning') expect(found?.advice).toMatch(/add .* to NO_PROXY/)
  })

  it('requests the list of models through the HTTP proxy that opencode would use', async () => {
    const { url, requests } = await serve(json(modelList('m')))
    const env = { HTTP_PROXY: url, OPENCODE_RUNTIME_API_KEY: doctorKey }
    const [through] = await ask({ proxy: 'http://models.example/v1' }, { env })
    expect(through).toMatchObject({ status: 'ok' })
    expect(requests[0]?.url).toBe('http://models.example/v1/models')
    const [direct] = await ask({ proxy: `${url}/v1` }, { env: { ...env, HTTP_PROXY: 'http://127.0.0.1:9' } })
    expect(direct).toMatchObject({ status: 'ok' })
  })

  it('tells an unreachable HTTP proxy from an unreachable endpoint', async () => {
    const env = { HTTP_PROXY: 'http://127.0.0.1:9', HTTPS_PROXY: 'nonsense' }
    const [http] = await ask({ proxy: 'http://models.example/v1' }, { env })
    expect(http?.finding).toMatch(
      /models\.example cannot be reached through the HTTP proxy 127\.0\.0\.1:9 \(HTTP_PROXY\)/,
    )
    const [https] = await ask({ proxy: 'https://models.example/v1' }, { env })
    expect(https?.finding).toMatch(/through the HTTP proxy with an invalid URL \(HTTPS_PROXY\)/)
    expect(https?.advice).toMatch(/add models\.example to NO_PROXY/)
  })
})
