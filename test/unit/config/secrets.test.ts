import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileOptions, type OpenCodeServerOptions } from '../../../src/config/options.ts'
import { Secrets } from '../../../src/config/secrets.ts'
import { OpenCodeServer } from '../../../src/api/server.ts'

const canaries = ['sk-canary-key', 'canary-password', 'canary-in-env', 'canary-in-config']
const options: OpenCodeServerOptions = {
  home: '/srv/agents/a1',
  proxy: { baseURL: 'http://user:canary-in-url@127.0.0.1:4000/v1', apiKey: 'sk-canary-key' },
  models: ['gpt-4o'],
  password: 'canary-password',
  env: { MY_TOKEN: 'canary-in-env' },
  config: { mcp: { x: { headers: { 'x-key': 'canary-in-config' } } } },
}

/** Returns every printed and serialised form of a value. */
function shown(value: unknown): string {
  return [
    stringify(value),
    inspect(value, { depth: null }),
    inspect(value, { depth: null, showHidden: true }),
    inspect(value, {
      depth: null,
      showHidden: true,
      getters: true,
      maxArrayLength: null,
      maxStringLength: null,
    }),
  ].join('\n')
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    return String(error)
  }
}

/**
 * Returns every text reachable from a value. A print of unlimited depth shows the same texts, but repeats
 * them: 100 MB for an actor.
 */
function reachable(value: unknown): string[] {
  const texts: string[] = []
  const seen = new Set<unknown>()
  const queue = [value]
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (typeof at === 'string') texts.push(at)
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null || seen.has(at)) continue
    seen.add(at)
    const entries: unknown[] = at instanceof Map || at instanceof Set ? [...at] : []
    queue.push(
      ...[...entries, ...Reflect.ownKeys(at).map((key) => read(at, key))].filter((next) => next != null),
    )
  }
  return texts
}

function read(owner: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(owner, key)
  } catch {
    return undefined
  }
}

describe('secrets in options', () => {
  it('do not appear in printed or serialised compiled options', () => {
    expect(shown(compileOptions(options))).not.toMatch(/canary/)
    expect(shown({ nested: [compileOptions(options)] })).not.toMatch(/canary/)
    expect(shown(structuredClone(compileOptions(options)))).not.toMatch(/canary/)
  })

  it('do not appear in a printed server, actor or snapshot', () => {
    const server = new OpenCodeServer(options)
    const { actor } = server
    for (const value of [server, actor, actor.getSnapshot(), actor.getPersistedSnapshot(), actor.options]) {
      expect(stringify(value)).not.toMatch(/canary/)
      expect(inspect(value, { showHidden: true, getters: true })).not.toMatch(/canary/)
      expect(reachable(value).filter((text) => text.includes('canary'))).toEqual([])
    }
    expect(inspect(server, { depth: null, showHidden: true })).not.toMatch(/canary/)
    expect(Object.keys(server)).toEqual([])
  })

  it('are masked in texts: the key, the password, and variables with a secret name', () => {
    const { secrets } = compileOptions(options)
    for (const canary of canaries.slice(0, 3)) expect(secrets.mask(`a ${canary} b`)).toBe('a *** b')
  })
})

describe('Secrets.mask', () => {
  it('masks a secret in plain text, in base64, in URLs and in JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 4, maxLength: 60 }),
        fc.string({ maxLength: 12 }),
        (value, user) => {
          fc.pre(!/[\r\n]/.test(value) && value.trim().length > 3 && !'***'.includes(value))
          const secrets = new Secrets([value])
          const query = new URLSearchParams({ key: value }).toString().slice('key='.length)
          const urls = [encodeURIComponent(value), encodeURI(value), query]
          const lower = urls.map((url) => url.replace(/%../g, (code) => code.toLowerCase()))
          const forms = [value, ...urls, ...lower, JSON.stringify(value).slice(1, -1)]
          for (const form of forms) expect(secrets.mask(`<${form}>`)).not.toContain(form)
          const basic = Buffer.from(`${user}:${value}`).toString('base64')
          expect(Buffer.from(secrets.mask(basic).replaceAll('*', ''), 'base64').toString()).not.toContain(
            value,
          )
          const url = Buffer.from(value).toString('base64url')
          expect(secrets.mask(url)).not.toBe(url)
        },
      ),
    )
  })

  it('masks every occurrence, and the longer of two secrets with the same beginning', () => {
    const secrets = new Secrets(['sk-abc', 'sk-abcdef'])
    expect(secrets.mask('sk-abcdef sk-abc sk-abc')).toBe('*** *** ***')
  })

  it('masks each line of a secret with several lines', () => {
    const secrets = new Secrets(['-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----'])
    expect(secrets.mask('read MIIEvQIBADANBg here')).toBe('read *** here')
  })

  it('does not mask other texts, or secrets shorter than four characters', () => {
    const secrets = new Secrets(['abc', '', undefined, false, 'long-enough'])
    expect(secrets.mask('abc is not masked, nor is long enough')).toBe(
      'abc is not masked, nor is long enough',
    )
    expect(new Secrets().mask('text')).toBe('text')
  })

  it('masks a secret with half a surrogate pair', () => {
    expect(new Secrets(['\ud800-half-a-pair']).mask('x \ud800-half-a-pair')).toBe('x ***')
  })

  it('masks a secret that was added later', () => {
    const secrets = new Secrets()
    secrets.add('added-later')
    expect(secrets.mask('added-later')).toBe('***')
    expect(shown(secrets)).not.toContain('added-later')
  })

  it('masks the last 16 passing secrets, and all lasting secrets', () => {
    const secrets = new Secrets(['staying-key'])
    for (let i = 100; i < 200; i++) secrets.addPassing(`password-${i}`)
    expect(secrets.mask('staying-key password-199 password-184 password-183')).toBe(
      '*** *** *** password-183',
    )
    secrets.addPassing('staying-key')
    for (let i = 200; i < 300; i++) secrets.addPassing(`password-${i}`)
    expect(secrets.mask('staying-key')).toBe('***')
  })
})
