import { describe, expect, it } from 'vitest'
import { keyPaths, withKeysOf, withoutKeys } from '../../../src/config/spec-keys.ts'
import type { AgentSpec } from '../../../src/config/fleet-options.ts'

const spec = {
  id: 'a1',
  labels: { team: 'blue' },
  proxy: { apiKey: 'sk-1', baseURL: 'http://127.0.0.1:1/v1' },
  env: { API_TOKEN: 'tok-1', TZ: 'UTC' },
  config: {
    mcp: { search: { url: 'https://search.example', headers: { Authorization: 'Bearer abc' } } },
    provider: { other: { options: { apiKey: '{env:OTHER_KEY}' } } },
    local: { command: ['serve', '--token', 'tok-2'] },
  },
  maxRunningTurns: 2,
} satisfies AgentSpec

describe('The keys of a spec', () => {
  it('are found at every depth, in lists and in URLs, and references are none', () => {
    expect(keyPaths(spec)).toEqual([
      'proxy.apiKey',
      'env.API_TOKEN',
      'config.mcp.search.headers.Authorization',
      'config.local.command',
    ])
    expect(keyPaths({ id: 'a1', proxy: { baseURL: 'http://user:pw@127.0.0.1/v1' } })).toEqual([
      'proxy.baseURL',
    ])
    expect(keyPaths({ id: 'a1', maxQueuedTurns: 1, models: ['gpt-4o'] })).toEqual([])
  })

  it('are left out of a spec, and put back at the places that are still there', () => {
    const shared = withoutKeys(spec)
    expect(JSON.stringify(shared)).not.toMatch(/sk-1|tok-|Bearer/)
    expect(shared).toMatchObject({ labels: { team: 'blue' }, maxRunningTurns: 2, env: { TZ: 'UTC' } })
    expect(withKeysOf(spec, shared)).toEqual(spec)
    const later = { ...shared, env: {}, config: { mcp: {} } }
    expect(withKeysOf(spec, later)).toEqual({
      ...later,
      proxy: spec.proxy,
      env: { API_TOKEN: 'tok-1' },
    })
  })

  it('are all texts below a name that marks a key', () => {
    const nested = {
      id: 'a1',
      config: {
        credentials: { value: 'abc', user: { name: '{env:NAME}', pin: 'def' }, port: 80 },
        provider: { other: { options: { apiKey: { primary: 'sk-3' }, region: 'here' } } },
      },
    }
    expect(keyPaths(nested)).toEqual([
      'config.credentials.value',
      'config.credentials.user.pin',
      'config.provider.other.options.apiKey.primary',
    ])
    const shared = withoutKeys(nested)
    expect(shared.config).toEqual({
      credentials: { user: { name: '{env:NAME}' }, port: 80 },
      provider: { other: { options: { apiKey: {}, region: 'here' } } },
    })
    expect(withKeysOf(nested, shared)).toEqual(nested)
  })

  it('are not in options whose structure has such names', () => {
    const structured = {
      id: 'a1',
      models: [{ id: 'm', contextTokens: 1000, cost: { input: 1, output: 2 }, options: { maxTokens: 10 } }],
      hostTools: [
        {
          name: 'login',
          description: 'Logs in',
          url: 'https://tools.example/login',
          inputSchema: { type: 'object', properties: { password: { type: 'string' } } },
        },
      ],
      config: {
        permission: { read: { '*.key': 'deny' } },
        mcp: { 'secret-store': { type: 'remote', url: 'https://mcp.example', oauth: { scope: 'read' } } },
      },
    }
    expect(keyPaths(structured)).toEqual([])
    expect(withoutKeys(structured as AgentSpec)).toEqual(structured)
  })

  it('do not count as an option of their own', () => {
    expect(withoutKeys({ id: 'a1', proxy: { apiKey: 'sk-1' }, env: { API_KEY: 'x' } })).toEqual({ id: 'a1' })
    expect(withKeysOf({ id: 'a1', proxy: { apiKey: 'sk-1' } }, { id: 'a1' })).toEqual({
      id: 'a1',
      proxy: { apiKey: 'sk-1' },
    })
    expect(withKeysOf({ id: 'a1', env: { TZ: 'UTC' } }, { id: 'a1' })).toEqual({ id: 'a1' })
  })
})
