import { describe, expect, test } from 'vitest'
import { greeting, type Started } from '../../../../src/cli/serve/greeting.ts'

const started: Started = {
  address: { host: '127.0.0.1', port: 7420 },
  agentCount: 1,
  dataDir: '/srv/agents',
  member: undefined,
  isOpen: false,
  hasToken: true,
  allowedHosts: [],
}

describe('greeting', () => {
  test('is one line if there is a token', () => {
    expect(greeting(started)).toEqual([
      'opencode-runtime serves 1 agent at http://127.0.0.1:7420 (data in /srv/agents)',
    ])
  })

  test('names the cluster, and the host in it', () => {
    const member = { cluster: 'prod', hostId: 'h1' }
    expect(greeting({ ...started, member }).at(-1)).toBe('It is the host h1 of the cluster prod.')
  })

  test('says how to make the first token, as a line that a shell reads', () => {
    expect(greeting({ ...started, hasToken: false, dataDir: "/srv/it's mine" }).at(-1)).toBe(
      "  opencode-runtime token create --data-dir '/srv/it'\\''s mine' --id admin",
    )
  })

  test('warns if everybody is served', () => {
    expect(greeting({ ...started, isOpen: true, hasToken: false })).toHaveLength(2)
    expect(greeting({ ...started, isOpen: true }).at(-1)).toContain('--insecure-no-auth')
  })

  test('says that other hosts must be named', () => {
    const address = { host: '0.0.0.0', port: 80 }
    expect(greeting({ ...started, address }).at(-1)).toContain('gateway.allowed_hosts')
    expect(greeting({ ...started, address, allowedHosts: ['a.example'] })).toHaveLength(1)
  })
})
