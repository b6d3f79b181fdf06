import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../../src/gateway/config/config-file.ts'
import { configOf, folderWith, messageAbout } from '../../../support/config-file.ts'

const minimal = `defaults:
  proxy: { base_url: http://127.0.0.1:4000/v1, api_key: { env: KEY } }
  models: [gpt-4o]
agents:
  - id: alice
  - id: bob
`
const env = { KEY: 'sk-config-0123' }

describe('readConfig', () => {
  test('fills in everything that a file of six lines omits', async () => {
    const folder = folderWith({ 'fleet.yaml': minimal })
    const config = await readConfig(join(folder, 'fleet.yaml'), env)
    expect(config).toEqual({
      listen: { host: '127.0.0.1', port: 7420 },
      socketMode: '0600',
      fleet: {
        dataDir: join(folder, 'data'),
        defaults: {
          proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-config-0123' },
          models: ['gpt-4o'],
        },
      },
      agents: [{ id: 'alice' }, { id: 'bob' }],
      gateway: {},
    })
  })

  test('reads the same content from JSON', async () => {
    const json = JSON.stringify({
      listen: '[::1]:0',
      data_dir: '/srv/agents',
      tenants: { acme: { weight: 2, max_running_turns: 4 } },
      limits: { max_servers: 4, memory_mb: 4000 },
      gateway: {
        retention_days: 7,
        max_store_mb: 50,
        allowed_hosts: ['agents.example'],
        max_body_bytes: 4096,
      },
    })
    expect(await configOf(json)).toEqual({
      listen: { host: '::1', port: 0 },
      socketMode: '0600',
      fleet: {
        dataDir: '/srv/agents',
        tenants: { acme: { weight: 2, maxRunningTurns: 4 } },
        limits: { maxServers: 4, memoryMb: 4000 },
      },
      agents: [],
      gateway: { retentionDays: 7, maxStoreMb: 50, allowedHosts: ['agents.example'], maxBodyBytes: 4096 },
    })
  })

  test('renames fields at every depth, and leaves the insides of env, config, labels and options', async () => {
    const { agents } = await configOf(
      `${minimal}  - id: carol
    turn_deadline_ms: 5000
    env: { some_name: a_b }
    labels: { cost_centre: x }
    config: { some_key: { inner_key: 1 } }
    models: [{ id: m, context_tokens: 5, cost: { input: 1, output: 2, cache_read: 3 }, options: { top_p: 1 } }]
`,
      env,
    )
    expect(agents[2]).toEqual({
      id: 'carol',
      turnDeadlineMs: 5000,
      env: { some_name: 'a_b' },
      labels: { cost_centre: 'x' },
      config: { some_key: { inner_key: 1 } },
      models: [
        { id: 'm', contextTokens: 5, cost: { input: 1, output: 2, cacheRead: 3 }, options: { top_p: 1 } },
      ],
    })
  })

  test('merges an anchor into several agents', async () => {
    const { agents } = await configOf(
      `${minimal}  - &carol { id: carol, tenant: acme }\n  - { <<: *carol, id: dave }\n`,
      env,
    )
    expect(agents.slice(2)).toEqual([
      { id: 'carol', tenant: 'acme' },
      { id: 'dave', tenant: 'acme' },
    ])
  })
})

describe('readConfig names file, line and field of', () => {
  const cases: [what: string, text: string, message: string][] = [
    [
      'a misspelled option, with the one that was meant',
      minimal.replace('base_url', 'base_ulr'),
      'fleet.yaml:2:12: Unknown option defaults.proxy.base_ulr (did you mean defaults.proxy.base_url?)',
    ],
    [
      'an option with the name of the library',
      minimal.replace('base_url', 'baseURL'),
      'fleet.yaml:2:12: Unknown option defaults.proxy.baseURL (did you mean defaults.proxy.base_url?)',
    ],
    [
      'a value of another type',
      `${minimal}    turn_deadline_ms: soon\n`,
      'fleet.yaml:7:5: Invalid option agents[1].turn_deadline_ms: expected a whole number of milliseconds, 1 to 2147483647, got "soon"',
    ],
    [
      'an agent without a required option',
      minimal.replace('  models: [gpt-4o]\n', ''),
      'fleet.yaml:4:5: agent alice: `models` is required, here or in `defaults`\nfleet.yaml:5:5: agent bob: `models` is required, here or in `defaults`',
    ],
    [
      'a repeated id',
      minimal.replace('bob', 'alice'),
      'fleet.yaml:6:5: agent alice: another agent has the same id',
    ],
    [
      'an option that no file can give',
      `${minimal}    spawn: {}\n`,
      'fleet.yaml:7:5: Unknown option agents[1].spawn',
    ],
    [
      'a bad webhook',
      `${minimal}    host_tools:\n      - { name: look, description: d, input_schema: { type: object }, url: ftp://x }\n`,
      'fleet.yaml:8:71: Invalid option agents[1].host_tools[0].url: expected an http or https URL, got "ftp://x"',
    ],
    [
      'an address',
      `listen: 7420\n${minimal}`,
      'fleet.yaml:1:1: Invalid option listen: expected host:port, [IPv6 address]:port, or unix:/path, got 7420',
    ],
    [
      'a host and an origin that are none',
      'gateway: { allowed_hosts: [https://a.example], allowed_origins: [a.example] }',
      `fleet.yaml:1:28: Invalid option gateway.allowed_hosts[0]: expected a host such as agents.example.com or agents.example.com:8443, got "https://a.example"
fleet.yaml:1:66: Invalid option gateway.allowed_origins[0]: expected an origin such as https://agents.example.com, got "a.example"`,
    ],
    ['a repeated key', `${minimal}agents: []\n`, 'fleet.yaml:7:1: Map keys must be unique'],
    ['an unknown tag', 'agents: !env X\n', 'fleet.yaml:1:9: Unresolved tag: !env'],
  ]
  test.each(cases)('%s', async (_what, text, message) => {
    expect(await messageAbout(text, env)).toBe(message)
  })

  test('an empty file', async () => {
    expect(await messageAbout('# nothing\n')).toMatch(
      /^fleet\.yaml:\d+:1: Invalid options: expected an object with agents, got null$/,
    )
  })

  test('a missing file, and a folder', async () => {
    const folder = folderWith({})
    await expect(readConfig(join(folder, 'none.yaml'))).rejects.toThrow(
      /none\.yaml: the file does not exist$/,
    )
    await expect(readConfig(folder)).rejects.toThrow(/: this is not a file$/)
  })

  test('the first twenty of many faults', async () => {
    const agents = Array.from({ length: 25 }, (_, i) => `  - { id: a${i}, zzz: x }\n`).join('')
    const lines = (await messageAbout(`agents:\n${agents}`)).split('\n')
    expect(lines).toHaveLength(21)
    expect(lines[0]).toBe('fleet.yaml:2:15: Unknown option agents[0].zzz')
    expect(lines[20]).toBe('fleet.yaml: and 5 more faults')
  })

  test('a value of a secret option, without the value', async () => {
    const message = await messageAbout(minimal, { KEY: 'sk secret with blanks' })
    expect(message).toBe(
      'fleet.yaml:2:48: Invalid option defaults.proxy.api_key: expected printable ASCII characters without spaces, got a string (not shown)',
    )
  })

  test('reads the cluster, whose credentials may be references, and refuses two kinds of them', async () => {
    const cluster = (more: object) =>
      JSON.stringify({
        data_dir: '/srv/agents',
        cluster: { name: 'prod', servers: '10.0.0.1:4222', ...more },
      })
    const given = {
      nkey_seed: { env: 'SEED' },
      host_id: 'h1',
      lease_ms: 3000,
      replicas: 3,
      tls: { handshake_first: true },
    }
    expect((await configOf(cluster(given), { SEED: 'SUAB' })).cluster).toEqual({
      ...{
        name: 'prod',
        servers: '10.0.0.1:4222',
        nkeySeed: 'SUAB',
        hostId: 'h1',
        leaseMs: 3000,
        replicas: 3,
      },
      tls: { handshakeFirst: true },
    })
    expect(await messageAbout(cluster({ user: 'a', token: 'b' }))).toContain(
      'user, token, creds and nkey_seed',
    )
    expect(await messageAbout(cluster({ password: 'x' }))).toContain('a user with it')
    expect(await messageAbout(cluster({ lease_ms: 10 }))).toContain('cluster.lease_ms')
    expect(await messageAbout(cluster({ servers: [] }))).toContain('cluster.servers')
    expect(await messageAbout(cluster({ tls: { ca: 'ca.pem' } }))).toContain('such as { file: ca.pem }')
    expect(await messageAbout(cluster({ homes: 'never' }))).toContain("such as { save: 'before-end' }")
    expect(await messageAbout(cluster({ creds: ['SUSECRET'] }))).not.toContain('SUSECRET')
  })
})
