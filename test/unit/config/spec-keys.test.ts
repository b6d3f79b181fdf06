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

  it('do not count as an option of their own', () => {
    expect(withoutKeys({ id: 'a1', proxy: { apiKey: 'sk-1' }, env: { API_KEY: 'x' } })).toEqual({ id: 'a1' })
    expect(withKeysOf({ id: 'a1', proxy: { apiKey: 'sk-1' } }, { id: 'a1' })).toEqual({
      id: 'a1',
      proxy: { apiKey: 'sk-1' },
    })
    expect(withKeysOf({ id: 'a1', env: { TZ: 'UTC' } }, { id: 'a1' })).toEqual({ id: 'a1' })
  })
})
