import { describe, expect, it } from 'vitest'
import { anyone } from '../../../../src/gateway/access/caller.ts'
import { visibleStatus } from '../../../../src/gateway/events/visible-status.ts'
import type { AgentStatus, FleetStatus } from '../../../../src/index.ts'

const agent = (id: string, tenant: string, running: number): AgentStatus => ({
  ...{ id, tenant, state: 'healthy', restarts: 0, openRequests: 0, memoryMb: 100 },
  turns: { running, queued: 1, max: 16 },
})
const status: FleetStatus = {
  at: 1,
  servers: { running: 3, starting: 0, max: 9 },
  turns: { running: 6, queued: 3, max: 64 },
  memory: { usedMb: 300, budgetMb: 1_000 },
  agents: [agent('a1', 'acme', 1), agent('a2', 'acme', 2), agent('b1', 'beta', 3)],
  tenants: {
    acme: { weight: 1, turns: { running: 3, queued: 2, max: 64 } },
    beta: { weight: 1, turns: { running: 3, queued: 1, max: 64 } },
  },
}

describe('visibleStatus', () => {
  it('is the whole status for a caller of all agents', () => {
    expect(visibleStatus(status, anyone)).toBe(status)
  })

  it('has the agents of the caller only, in its numbers too', () => {
    expect(visibleStatus(status, { ...anyone, agents: new Set(['a1']) })).toEqual({
      at: 1,
      servers: { running: 1, starting: 0, max: 9 },
      turns: { running: 1, queued: 1, max: 64 },
      memory: { usedMb: 100, budgetMb: 1_000 },
      agents: [status.agents[0]],
      tenants: { acme: { weight: 1, turns: { running: 1, queued: 1, max: 64 } } },
    })
    expect(Object.keys(visibleStatus(status, { ...anyone, tenant: 'beta' }).tenants)).toEqual(['beta'])
  })
})
