import { describe, expect, test } from 'vitest'
import { changedFields } from '../../../../src/cli/serve/changed-fields.ts'
import type { ServeConfig } from '../../../../src/gateway/config/config-file.ts'

const defaults = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'k' }, models: ['m'], maxRestarts: 1 }

const running: ServeConfig = {
  listen: { host: '127.0.0.1', port: 0 },
  socketMode: '0600',
  fleet: { dataDir: '/srv', defaults, limits: { maxServers: 1 } },
  agents: [{ id: 'a' }],
  gateway: { retentionDays: 3 },
}

describe('changedFields', () => {
  test('names the changed fields as the file does: those of the gateway apply at once, others after a restart', () => {
    const changed: ServeConfig = {
      listen: { host: '127.0.0.1', port: 1 },
      socketMode: '0660',
      fleet: {
        dataDir: '/srv2',
        defaults: { ...defaults, maxRestarts: 2, idleTimeoutMs: 5 },
        limits: { maxServers: 2 },
        tenants: { acme: { weight: 2 } },
      },
      agents: [],
      gateway: { retentionDays: 4, maxStoreMb: 9 },
    }
    expect(changedFields(running, changed)).toEqual({
      now: ['gateway.retention_days', 'gateway.max_store_mb'],
      later: [
        'listen',
        'socket_mode',
        'data_dir',
        'defaults.max_restarts',
        'defaults.idle_timeout_ms',
        'limits.max_servers',
        'tenants',
      ],
    })
  })

  test('names no agents, and nothing that is the same', () => {
    expect(changedFields(running, structuredClone(running))).toEqual({ now: [], later: [] })
    expect(changedFields(running, { ...running, agents: [] })).toEqual({ now: [], later: [] })
  })
})
