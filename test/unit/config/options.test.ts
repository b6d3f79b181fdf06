import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.ts'
import { secretOptions } from '../../../src/config/compiled-options.ts'
import { compileConnection, compileOptions } from '../../../src/config/options.ts'
import type { ConnectOptions, OpenCodeServerOptions } from '../../../src/config/options.ts'

const good = {
  home: '/srv/agents/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-canary-key' },
  models: ['gpt-4o'],
} satisfies OpenCodeServerOptions

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as InvalidOptionsError).message
  }
  throw new Error('It did not throw')
}

const withOptions = (patch: object): OpenCodeServerOptions => ({ ...good, ...patch })
const refusal = (patch: object) => messageOf(() => compileOptions(withOptions(patch)))
const withProxy = (patch: object) => ({ proxy: { ...good.proxy, ...patch } })

describe('compileOptions', () => {
  it('fills in the defaults of the contract', () => {
    const { values } = compileOptions(good)
    expect(values).toMatchObject({
      home: '/srv/agents/a1',
      directory: '/srv/agents/a1/workspace',
      hostname: '127.0.0.1',
      username: 'opencode',
      proxy: { providerId: 'litellm', name: 'LiteLLM' },
      models: [{ id: 'gpt-4o' }],
      maxConcurrentTurns: 16,
      maxQueuedTurns: 1000,
      turnDeadlineMs: 1_800_000,
      turnStallMs: 300_000,
      maxRetries: 3,
      requestTimeoutMs: 300_000,
      maxReplayBytes: 16 * 1024 * 1024,
      onPermission: 'reject',
      onQuestion: 'reject',
      startTimeoutMs: 60_000,
      probeIntervalMs: 50,
      probeTimeoutMs: 2_000,
      healthIntervalMs: 5_000,
      unhealthyThreshold: 3,
      busyGraceMs: 120_000,
      stopGraceMs: 5_000,
      maxRestarts: 5,
      restartWindowMs: 60_000,
      backoffInitialMs: 250,
      backoffFactor: 2,
      backoffMaxMs: 30_000,
    })
    expect(secretOptions(compileOptions(good)).password).toBeUndefined()
  })

  it('keeps what is given', () => {
    const onPermission = () => 'once' as const
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const model = { id: 'local-vl', input: ['text', 'image'], contextTokens: 32_000 }
    const given = { port: 4096, directory: '/work', onPermission, logger, models: [model], maxRestarts: 0 }
    expect(compileOptions(withOptions(given)).values).toMatchObject(given)
  })

  it.each([
    ['home', { home: 'relative/home' }, 'home', 'absolute path', '"relative/home"'],
    ['home missing', { home: undefined }, 'home', 'expected string', 'undefined'],
    ['proxy', { proxy: undefined }, 'proxy', 'expected object', 'undefined'],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://x' }), 'proxy.baseURL', 'http or https URL', '"ftp://x"'],
    [
      'proxy.baseURL text',
      withProxy({ baseURL: 'no url' }),
      'proxy.baseURL',
      'http or https URL',
      '"no url"',
    ],
    ['proxy.providerId', withProxy({ providerId: 'a/b' }), 'proxy.providerId', 'letters, digits', '"a/b"'],
    ['proxy.providerID', withProxy({ providerID: 'a/b' }), 'proxy.providerID', 'letters, digits', '"a/b"'],
    [
      'two ids of the provider',
      withProxy({ providerId: 'a', providerID: 'b' }),
      'proxy.providerID',
      'deprecated alias',
      '"b"',
    ],
    ['proxy.name', withProxy({ name: '' }), 'proxy.name', 'Too small', '""'],
    ['models', { models: [] }, 'models', 'at least one model', '[]'],
    ['models kind', { models: 'gpt-4o' }, 'models', 'expected array', '"gpt-4o"'],
    ['a model', { models: ['ok', 7] }, 'models[1]', 'a model id or { id, … }', '7'],
    ['port', { port: 70_000 }, 'port', '65535', '70000'],
    ['port 0', { port: 0 }, 'port', '>=1', '0'],
    ['port NaN', { port: Number.NaN }, 'port', 'expected number', 'NaN'],
    ['port text', { port: '4096' }, 'port', 'expected number', '"4096"'],
    ['hostname', { hostname: '' }, 'hostname', 'expected a host name or address', '""'],
    ['username', { username: 'a:b' }, 'username', 'expected no colon', '"a:b"'],
    ['binary', { binary: '' }, 'binary', 'Too small', '""'],
    ['directory', { directory: './work' }, 'directory', 'absolute path', '"./work"'],
    ['half a character', { directory: '/w/\ud83d' }, 'directory', 'absolute path', '"/w/\\ud83d"'],
    ['logger', { logger: { info: () => {} } }, 'logger', 'debug, info, warn and error', '{}'],
    [
      'onPermission',
      { onPermission: 'allow' },
      'onPermission',
      "'reject', 'once', 'always' or a function",
      '"allow"',
    ],
    ['onQuestion', { onQuestion: 'once' }, 'onQuestion', "'reject' or a function", '"once"'],
    ['maxConcurrentTurns', { maxConcurrentTurns: 0 }, 'maxConcurrentTurns', '>0', '0'],
    ['maxQueuedTurns', { maxQueuedTurns: -1 }, 'maxQueuedTurns', '>=0', '-1'],
    ['maxRetries', { maxRetries: 1.5 }, 'maxRetries', 'expected int', '1.5'],
    ['maxReplayBytes', { maxReplayBytes: null }, 'maxReplayBytes', 'expected number', 'null'],
    ['turnDeadlineMs', { turnDeadlineMs: 0 }, 'turnDeadlineMs', '>0', '0'],
    ['turnStallMs', { turnStallMs: '5s' }, 'turnStallMs', 'expected number', '"5s"'],
    ['requestTimeoutMs', { requestTimeoutMs: Infinity }, 'requestTimeoutMs', 'expected number', 'Infinity'],
    ['startTimeoutMs', { startTimeoutMs: 0 }, 'startTimeoutMs', '>0', '0'],
    ['probeIntervalMs', { probeIntervalMs: 0 }, 'probeIntervalMs', '>0', '0'],
    ['probeTimeoutMs', { probeTimeoutMs: -5 }, 'probeTimeoutMs', '>0', '-5'],
    ['healthIntervalMs', { healthIntervalMs: true }, 'healthIntervalMs', 'expected number', 'true'],
    ['unhealthyThreshold', { unhealthyThreshold: 0 }, 'unhealthyThreshold', '>0', '0'],
    ['busyGraceMs', { busyGraceMs: -1 }, 'busyGraceMs', '>=0', '-1'],
    ['stopGraceMs', { stopGraceMs: -1 }, 'stopGraceMs', '>=0', '-1'],
    ['maxRestarts', { maxRestarts: -1 }, 'maxRestarts', '>=0', '-1'],
    ['restartWindowMs', { restartWindowMs: 0 }, 'restartWindowMs', '>0', '0'],
    ['backoffInitialMs', { backoffInitialMs: -1 }, 'backoffInitialMs', '>=0', '-1'],
    ['backoffFactor', { backoffFactor: 0.5 }, 'backoffFactor', '>=1', '0.5'],
    ['backoffMaxMs', { backoffMaxMs: -1 }, 'backoffMaxMs', '>=0', '-1'],
  ])(
    'refuses a bad %s, and says which option, what is expected and what it got',
    (_, patch, option, expected, shown) => {
      const message = refusal(patch)
      expect(message).toContain(`Invalid option ${option}: `)
      expect(message).toContain(expected)
      expect(message).toContain(`got ${shown}`)
    },
  )

  it.each([
    ['proxy.apiKey', withProxy({ apiKey: 'sk with a canary' })],
    ['proxy.apiKey', withProxy({ apiKey: { canary: 1 } })],
    ['proxy', { proxy: 'sk-canary' }],
    ['proxy', { proxy: ['sk-canary'] }],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://user:canary@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'user:canary@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://user:can/canary?@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://host/v1?key=canary' })],
    ['password', { password: 'canary\n' }],
    ['password', { password: ['canary'] }],
    ['env.MY_CANARY', { env: { MY_CANARY: { canary: 1 } } }],
    ['env', { env: 'canary' }],
    ['config', { config: 'canary' }],
    ['models[0]', { models: [{ id: 7, options: { apiKey: 'canary' } }] }],
    ['models[0]', { models: [{ options: { headers: { authorization: 'canary' } } }] }],
  ])('never shows the value of a bad %s', (option, patch) => {
    const message = refusal(patch)
    expect(message).toContain(option.split('.')[0])
    expect(message.replace('MY_CANARY', '')).not.toMatch(/canary/i)
  })

  it.each([
    ['an unknown option', { hme: '/x' }, 'Unknown option hme'],
    ['an unknown option of the proxy', withProxy({ apikey: 'canary' }), 'Unknown option proxy.apikey'],
    [
      'an unknown option of a model',
      { models: [{ id: 'm', colour: 'red' }] },
      'Unknown option models[0].colour',
    ],
    ['two of them', { a: 1, b: 2 }, 'Unknown option a, b'],
  ])('names %s', (_, patch, expected) => {
    expect(refusal(patch)).toBe(expected)
  })

  it('names every bad option at once', () => {
    const message = refusal({ port: -1, home: 'x' })
    expect(message).toContain('option home')
    expect(message).toContain('option port')
  })

  it.each([[undefined], [null], ['text'], [[]], [() => {}]])('refuses %s in place of options', (options) => {
    expect(messageOf(() => compileOptions(options as never))).toMatch(/^Invalid options: expected object/)
  })

  it('refuses what cannot be shown, too', () => {
    const circular: unknown[] = []
    circular.push(circular)
    expect(refusal({ home: circular })).toMatch(/^Invalid option home/)
    expect(refusal({ home: 7n })).toContain('got "7"')
    expect(refusal({ home: Symbol('x') })).toContain('got a symbol')
    expect(refusal({ home: { toJSON: () => undefined } })).toMatch(/^Invalid option home/)
  })

  it('shows only the beginning of a long value', () => {
    expect(refusal({ home: 'x'.repeat(10_000) }).length).toBeLessThan(300)
  })

  it.each(['0.0.0.0', '192.168.1.2', '::', 'example.org', '127.0.0.1.example.org', 'localhost.example.org'])(
    'refuses password: false with the host name %s',
    (hostname) => {
      const message = refusal({ hostname, password: false })
      expect(message).toContain(
        'Invalid option password: expected a password, because hostname is not loopback',
      )
    },
  )

  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('takes password: false with %s', (hostname) => {
    expect(secretOptions(compileOptions(withOptions({ hostname, password: false }))).password).toBe(false)
  })

  it.each([['ÄÖ'], ['with space'], ['']])(
    'refuses the password %j, which no header can carry as it is',
    (password) => {
      expect(refusal({ password })).toMatch(/^Invalid option password/)
    },
  )

  it('does not change with the object that it was given', () => {
    const given = { ...good, models: ['a'] }
    const { values } = compileOptions(given)
    given.models.push('b')
    expect(values.models).toEqual([{ id: 'a' }])
  })
})

describe('compileConnection', () => {
  const connection = { baseURL: 'http://127.0.0.1:4096' } satisfies ConnectOptions

  it('spawns and restarts nothing, and knows no model unless one is named', () => {
    const { compiled, endpoint } = compileConnection(connection)
    expect(compiled.values).toMatchObject({ maxRestarts: 0, models: [], proxy: { providerId: 'litellm' } })
    expect(endpoint).toEqual({ ...connection, username: 'opencode', password: undefined })
    expect(compileConnection({ ...connection, modelId: 'm' }).compiled.values.models).toMatchObject([
      { id: 'm' },
    ])
  })

  it.each([
    ['baseURL', { baseURL: 'localhost:4096' }],
    ['directory', { directory: 'x' }],
    ['maxRetries', { maxRetries: -1 }],
    ['home', { home: '/srv' }],
  ])('refuses a bad or unknown %s by name', (option, patch) => {
    expect(messageOf(() => compileConnection({ ...connection, ...patch }))).toContain(`option ${option}`)
  })

  it('never shows a bad password', () => {
    const message = messageOf(() => compileConnection({ ...connection, password: 'canary canary' }))
    expect(message).toMatch(/^Invalid option password/)
    expect(message).not.toContain('canary')
  })
})
