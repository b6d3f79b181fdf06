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
  throw new Error('Expected an InvalidOptionsError')
}

const withOptions = (patch: object): OpenCodeServerOptions => ({ ...good, ...patch })
const refusal = (patch: object) => messageOf(() => compileOptions(withOptions(patch)))
const withProxy = (patch: object) => ({ proxy: { ...good.proxy, ...patch } })

describe('compileOptions', () => {
  it('fills in the default of every omitted option', () => {
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

  it('keeps given values', () => {
    const onPermission = () => 'once' as const
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const model = { id: 'local-vl', input: ['text', 'image'], contextTokens: 32_000 }
    const given = { port: 4096, directory: '/work', onPermission, logger, models: [model], maxRestarts: 0 }
    expect(compileOptions(withOptions(given)).values).toMatchObject(given)
  })

  it.each([
    ['home', { home: 'relative/home' }, 'home', 'absolute path', '"relative/home"'],
    ['proxy', { proxy: null }, 'proxy', 'expected an object with baseURL and apiKey', 'null'],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://x' }), 'proxy.baseURL', 'http or https URL', '"ftp://x"'],
    [
      'proxy.baseURL with a query',
      withProxy({ baseURL: 'http://host/v1?api-version=2024-10-21' }),
      'proxy.baseURL',
      'config.provider.<providerId>.options.queryParams',
      '"http://host/v1?***"',
    ],
    [
      'proxy.baseURL with a fragment',
      withProxy({ baseURL: 'http://host/v1#models' }),
      'proxy.baseURL',
      'an http or https URL without ? and #',
      '"http://host/v1#***"',
    ],
    [
      'proxy.baseURL that is no URL',
      withProxy({ baseURL: 'no url' }),
      'proxy.baseURL',
      'http or https URL',
      '"no url"',
    ],
    ['proxy.providerId', withProxy({ providerId: 'a/b' }), 'proxy.providerId', 'letters, digits', '"a/b"'],
    ['proxy.providerID', withProxy({ providerID: 'a/b' }), 'proxy.providerID', 'letters, digits', '"a/b"'],
    [
      'pair of different provider ids',
      withProxy({ providerId: 'a', providerID: 'b' }),
      'proxy.providerID',
      'deprecated alias',
      '"b"',
    ],
    ['proxy.name', withProxy({ name: '' }), 'proxy.name', 'a string that is not empty', '""'],
    ['empty models', { models: [] }, 'models', 'at least one model', '[]'],
    ['text in place of models', { models: 'gpt-4o' }, 'models', 'a list of at least one model', '"gpt-4o"'],
    [
      'number in place of a model',
      { models: ['ok', 7] },
      'models[1]',
      'a model id or an object with an id',
      '7',
    ],
    ['model id', { models: [''] }, 'models[0]', 'a model id', '""'],
    ['id of a model', { models: [{ id: 7 }] }, 'models[0].id', 'a model id', '7'],
    [
      'modality',
      { models: [{ id: 'm', input: ['smell'] }] },
      'models[0].input[0]',
      "'text', 'image'",
      '"smell"',
    ],
    ['repeated model', { models: ['m', 'm'] }, 'models', 'each model only once', '["m","m"]'],
    ['port above the range', { port: 70_000 }, 'port', 'a port number, 1 to 65535', '70000'],
    ['port 0', { port: 0 }, 'port', 'a port number, 1 to 65535', '0'],
    ['port NaN', { port: Number.NaN }, 'port', 'a port number, 1 to 65535', 'NaN'],
    ['port as text', { port: '4096' }, 'port', 'a port number, 1 to 65535', '"4096"'],
    ['hostname', { hostname: '' }, 'hostname', 'expected a host name or address', '""'],
    ['username', { username: 'a:b' }, 'username', 'a name without a colon', '"a:b"'],
    ['binary', { binary: '' }, 'binary', 'a string that is not empty', '""'],
    ['directory', { directory: './work' }, 'directory', 'absolute path', '"./work"'],
    [
      'path with half a surrogate pair',
      { directory: '/w/\ud83d' },
      'directory',
      'absolute path',
      '"/w/\\ud83d"',
    ],
    ['logger', { logger: { info: () => {} } }, 'logger', 'debug, info, warn and error', '{}'],
    [
      'onPermission',
      { onPermission: 'allow' },
      'onPermission',
      "'reject', 'once', 'always', 'ask' or a function",
      '"allow"',
    ],
    ['onQuestion', { onQuestion: 'once' }, 'onQuestion', "'reject', 'ask' or a function", '"once"'],
    ['maxConcurrentTurns', { maxConcurrentTurns: 0 }, 'maxConcurrentTurns', 'turns, 1', '0'],
    ['maxQueuedTurns', { maxQueuedTurns: -1 }, 'maxQueuedTurns', 'turns, 0', '-1'],
    ['maxRetries', { maxRetries: 1.5 }, 'maxRetries', 'retries, 0', '1.5'],
    ['maxReplayBytes', { maxReplayBytes: null }, 'maxReplayBytes', 'bytes, 1', 'null'],
    ['turnDeadlineMs', { turnDeadlineMs: 0 }, 'turnDeadlineMs', 'milliseconds, 1 to 2147483647', '0'],
    ['turnStallMs', { turnStallMs: '5s' }, 'turnStallMs', 'milliseconds, 1 to 2147483647', '"5s"'],
    [
      'requestTimeoutMs',
      { requestTimeoutMs: Infinity },
      'requestTimeoutMs',
      'milliseconds, 1 to 2147483647',
      'Infinity',
    ],
    ['startTimeoutMs', { startTimeoutMs: 0 }, 'startTimeoutMs', 'milliseconds, 1 to 2147483647', '0'],
    ['probeIntervalMs', { probeIntervalMs: 0 }, 'probeIntervalMs', 'milliseconds, 1 to 2147483647', '0'],
    ['probeTimeoutMs', { probeTimeoutMs: -5 }, 'probeTimeoutMs', 'milliseconds, 1 to 2147483647', '-5'],
    [
      'healthIntervalMs',
      { healthIntervalMs: true },
      'healthIntervalMs',
      'milliseconds, 1 to 2147483647',
      'true',
    ],
    ['unhealthyThreshold', { unhealthyThreshold: 0 }, 'unhealthyThreshold', 'failed probes, 1', '0'],
    ['busyGraceMs', { busyGraceMs: -1 }, 'busyGraceMs', 'milliseconds, 0 to 2147483647', '-1'],
    ['stopGraceMs', { stopGraceMs: -1 }, 'stopGraceMs', 'milliseconds, 0 to 2147483647', '-1'],
    ['maxRestarts', { maxRestarts: -1 }, 'maxRestarts', 'restarts, 0', '-1'],
    ['restartWindowMs', { restartWindowMs: 0 }, 'restartWindowMs', 'milliseconds, 1 to 2147483647', '0'],
    ['backoffInitialMs', { backoffInitialMs: -1 }, 'backoffInitialMs', 'milliseconds, 0 to 2147483647', '-1'],
    ['backoffFactor', { backoffFactor: 0.5 }, 'backoffFactor', 'a number, 1 or more', '0.5'],
    ['backoffMaxMs', { backoffMaxMs: -1 }, 'backoffMaxMs', 'milliseconds, 0 to 2147483647', '-1'],
  ])(
    'rejects a bad value (%s) with the option, the expected value and the given value',
    (_, patch, option, expected, shown) => {
      const message = refusal(patch)
      expect(message).toContain(`Invalid option ${option}: `)
      expect(message).toContain(expected)
      expect(message).toContain(`got ${shown}`)
    },
  )

  it.each([
    ['home', { home: undefined }, 'Option `home` is required: expected an absolute path'],
    ['proxy', { proxy: undefined }, 'Option `proxy` is required: expected an object with baseURL and apiKey'],
    [
      'proxy.apiKey',
      withProxy({ apiKey: undefined }),
      'Option `proxy.apiKey` is required: expected printable ASCII characters without spaces',
    ],
    ['models', { models: undefined }, 'Option `models` is required: expected a list of at least one model'],
    ['the id of a model', { models: [{}] }, 'Option `models[0].id` is required: expected a model id'],
  ])('reports that an omitted option is required: %s', (_, patch, expected) => {
    expect(refusal(patch)).toBe(expected)
  })

  it('rejects a bad name or value of a variable, without the value', () => {
    expect(refusal({ env: { 'A=B': 'x' } })).toContain('expected a name without =')
    expect(refusal({ env: { A: 'x\0' } })).toBe(
      'Invalid option env.A: expected a string without null characters, got a string (not shown)',
    )
  })

  it.each([
    ['proxy.apiKey', withProxy({ apiKey: 'sk with a canary' })],
    ['proxy.apiKey', withProxy({ apiKey: { canary: 1 } })],
    ['proxy', { proxy: 'sk-canary' }],
    ['proxy', { proxy: ['sk-canary'] }],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://user:canary@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'user:canary@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://user:can/canary?@host/v1' })],
    ['proxy.baseURL', withProxy({ baseURL: 'ftp://host/v1?key=canary' })],
    ['proxy.baseURL', withProxy({ baseURL: 'https://host/v1?api-key=canary' })],
    ['proxy.baseURL', withProxy({ baseURL: 'https://host/v1#key=canary' })],
    ['proxy.baseURL', withProxy({ baseURL: 'http://user:ca nary canary@host/v1?' })],
    ['proxy.baseURL', withProxy({ baseURL: 'http://user:canary//2@host/v1?' })],
    ['proxy.baseURL', withProxy({ baseURL: 'http://user:canary"2@host/v1?' })],
    ['hostname', { hostname: 'http://user:pa canary@host/' }],
    ['env.OPENAI_API_KEY', { env: { 'OPENAI_API_KEY=canary': '' } }],
    ['models[0]', { models: [{ options: { headers: { Cookie: 'canary' } } }] }],
    ['password', { password: 'canary\n' }],
    ['password', { password: ['canary'] }],
    ['env.MY_CANARY', { env: { MY_CANARY: { canary: 1 } } }],
    ['env', { env: 'canary' }],
    ['config', { config: 'canary' }],
    ['models[0]', { models: [{ id: 7, options: { apiKey: 'canary' } }] }],
    ['models[0]', { models: [{ options: { headers: { authorization: 'canary' } } }] }],
  ])('does not show a bad value of %s, because the value may be a secret', (option, patch) => {
    const message = refusal(patch)
    expect(message).toContain(option.split('.')[0])
    expect(message.replace('MY_CANARY', '')).not.toMatch(/canary/i)
  })

  it.each([
    ['an unknown option', { hme: '/x' }, 'Unknown option hme (did you mean home?)'],
    [
      'an unknown option of the proxy',
      withProxy({ apikey: 'canary' }),
      'Unknown option proxy.apikey (did you mean proxy.apiKey?)',
    ],
    [
      'an option of the proxy in the wrong place',
      { apiKey: 'canary' },
      'Unknown option apiKey (did you mean proxy.apiKey?)',
    ],
    [
      'an unknown option of a model',
      { models: [{ id: 'm', colour: 'red' }] },
      'Unknown option models[0].colour',
    ],
    [
      'an option of a model that resembles another',
      { models: [{ id: 'm', contextToken: 1 }] },
      'Unknown option models[0].contextToken (did you mean models[0].contextTokens?)',
    ],
    [
      'two unknown options',
      { colour: 1, maxRestart: 2 },
      'Unknown option colour, maxRestart (did you mean maxRestarts?)',
    ],
  ])('names %s', (_, patch, expected) => {
    expect(refusal(patch)).toBe(expected)
  })

  it('reports all bad options in one error', () => {
    const message = refusal({ port: -1, home: 'x' })
    expect(message).toContain('option home')
    expect(message).toContain('option port')
  })

  it.each([[undefined], [null], ['text'], [[]], [() => {}]])(
    'rejects %s in place of the options object',
    (options) => {
      expect(messageOf(() => compileOptions(options as never))).toMatch(
        /^Invalid options: expected an object, got /,
      )
    },
  )

  it('rejects values that JSON cannot represent', () => {
    const circular: unknown[] = []
    circular.push(circular)
    expect(refusal({ home: circular })).toMatch(/^Invalid option home/)
    expect(refusal({ home: 7n })).toContain('got "7"')
    expect(refusal({ home: Symbol('x') })).toContain('got a symbol')
    expect(refusal({ home: { toJSON: () => undefined } })).toMatch(/^Invalid option home/)
  })

  it('shows only the beginning of a long bad value', () => {
    expect(refusal({ home: 'x'.repeat(10_000) }).length).toBeLessThan(300)
  })

  it.each(['0.0.0.0', '192.168.1.2', '::', 'example.org', '127.0.0.1.example.org', 'localhost.example.org'])(
    'rejects password: false with the hostname %s, which is not loopback',
    (hostname) => {
      const message = refusal({ hostname, password: false })
      expect(message).toContain(
        'Invalid option password: expected a password, because hostname is not loopback',
      )
    },
  )

  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])(
    'accepts password: false with the loopback hostname %s',
    (hostname) => {
      expect(secretOptions(compileOptions(withOptions({ hostname, password: false }))).password).toBe(false)
    },
  )

  it.each([['ÄÖ'], ['with space'], ['']])(
    'rejects the password %j, which a header cannot carry unchanged',
    (password) => {
      expect(refusal({ password })).toMatch(/^Invalid option password/)
    },
  )

  it('copies the options, so that later changes of the given object have no effect', () => {
    const given = { ...good, models: ['a'] }
    const { values } = compileOptions(given)
    given.models.push('b')
    expect(values.models).toEqual([{ id: 'a' }])
  })
})

describe('the message about an empty text', () => {
  it.each([withProxy({ apiKey: '' }), withProxy({ baseURL: '' }), { home: '' }, { binary: '' }])(
    'asks for the variable that the text may come from: %j',
    (patch) => {
      expect(refusal(patch)).toMatch(
        / \(if the value comes from a variable of the environment, is the variable set\?\)$/,
      )
    },
  )

  it('does not ask if the text is not empty, or is no value of the environment', () => {
    const messages = [withProxy({ apiKey: 'a b' }), withProxy({ name: '' }), { models: [''] }].map(refusal)
    for (const message of messages) expect(message).not.toContain('variable')
  })
})

describe('compileConnection', () => {
  const connection = { baseURL: 'http://127.0.0.1:4096' } satisfies ConnectOptions

  it('allows no restart, and defines only the model of modelId', () => {
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
  ])('rejects a bad or unknown option (%s) by its name', (option, patch) => {
    expect(messageOf(() => compileConnection({ ...connection, ...patch }))).toContain(`option ${option}`)
  })

  it('does not show a bad password', () => {
    const message = messageOf(() => compileConnection({ ...connection, password: 'canary canary' }))
    expect(message).toMatch(/^Invalid option password/)
    expect(message).not.toContain('canary')
  })
})
