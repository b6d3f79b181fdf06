import { beforeEach, describe, expect, it } from 'vitest'
import type { AgentStatus, FleetEvent, FleetStatus, PendingRequest } from '../../../../web/src/api/types.ts'
import { FleetModel } from '../../../../web/src/live/fleet-model.ts'

const agent = (id: string, more: Partial<AgentStatus> = {}): AgentStatus => ({
  ...{ id, tenant: 'default', state: 'idle', restarts: 0, open_requests: 0 },
  turns: { running: 0, queued: 0, max: 4 },
  ...more,
})
const status = (agents: AgentStatus[], more: Partial<FleetStatus> = {}): FleetStatus => ({
  at: 1,
  servers: { running: 0, starting: 0, max: 8 },
  turns: { running: 0, queued: 0, max: 16 },
  memory: { used_mb: 0, budget_mb: 1_000 },
  tenants: { default: { weight: 1, turns: { running: 0, queued: 0, max: 16 } } },
  ...more,
  agents,
})
let seq = 0
const common = (agent_id: string) => ({ seq: ++seq, at: seq, agent_id, tenant: 'default' })
const turn = (type: 'turn.queued' | 'turn.started', id: string): FleetEvent => ({
  ...common('a1'),
  ...{ type, turn_id: id, trace_id: null },
})
const usage = {
  ...{ input_tokens: 0, output_tokens: 0, reasoning_tokens: 0 },
  ...{ cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0 },
}
const ended = (id: string): FleetEvent => ({
  ...common('a1'),
  ...{ type: 'turn.ended', turn_id: id, trace_id: null, code: 'final', usage },
})
const pending = (id: string): PendingRequest => ({
  request: {
    ...{ type: 'permission', id, session_id: 'ses1', child: false, permission: 'bash' },
    ...{ patterns: ['ls'], metadata: {} },
  },
  ...{ turn_id: 't1', trace_id: null, at: 1, expires_at: 9, agent_id: 'a1', tenant: 'default' },
})
const opened = (id: string): FleetEvent => ({
  ...common('a1'),
  ...{ type: 'request.opened', turn_id: 't1', pending: pending(id) },
})
const closed = (id: string): FleetEvent => ({
  ...common('a1'),
  ...{ type: 'request.closed', turn_id: 't1', request_id: id, by: 'answer' },
})

let model: FleetModel
beforeEach(() => {
  model = new FleetModel()
  model.apply({ type: 'snapshot', status: status([agent('a1'), agent('a2')]) })
  model.takeChanges()
})
const loads = () => [
  model.agents.get('a1')?.turns,
  model.totals?.turns,
  model.totals?.tenants['default']?.turns,
]

describe('FleetModel', () => {
  it('counts the turns of the agent, its tenant and the fleet by their events', () => {
    model.apply(turn('turn.queued', 't1'))
    for (const load of loads()) expect(load).toMatchObject({ running: 0, queued: 1 })
    model.apply(turn('turn.started', 't1'))
    for (const load of loads()) expect(load).toMatchObject({ running: 1, queued: 0 })
    expect(model.turns.get('t1')).toMatchObject({ agent_id: 'a1', state: 'running' })
    model.apply(ended('t1'))
    for (const load of loads()) expect(load).toMatchObject({ running: 0, queued: 0 })
    expect(model.turns.size).toBe(0)
  })

  it('counts the end of a turn that began before the snapshot, and never below zero', () => {
    model.apply({
      type: 'status',
      status: status([agent('a1', { turns: { running: 1, queued: 1, max: 4 } })]),
    })
    model.apply(ended('earlier'))
    expect(model.agents.get('a1')?.turns).toMatchObject({ running: 0, queued: 1 })
    model.apply(ended('waiting'))
    model.apply(ended('unknown'))
    expect(model.agents.get('a1')?.turns).toMatchObject({ running: 0, queued: 0 })
  })

  it('replaces the numbers and the changed agents by a status, and keeps the other agents as they are', () => {
    const before = model.agents.get('a2')
    const changed = agent('a1', { memory_mb: 512 })
    model.apply({ type: 'status', status: status([changed], { memory: { used_mb: 512, budget_mb: 1_000 } }) })
    expect(model.agents.get('a1')).toBe(changed)
    expect(model.agents.get('a2')).toBe(before)
    expect(model.totals?.memory.used_mb).toBe(512)
    expect([...model.takeChanges().agents]).toEqual(['a1'])
  })

  it('follows the lifecycle of an agent, whose reason and error end with their state', () => {
    const lifecycle = (state: 'probing' | 'failed', more: object = {}): FleetEvent => ({
      ...common('a1'),
      ...{ type: 'agent.lifecycle', lifecycle: { state, at: 1, restarts: 0, ...more } },
    })
    model.apply(lifecycle('failed', { reason: 'no binary', error: { code: 'E', message: 'm' } }))
    expect(model.agents.get('a1')).toMatchObject({
      state: 'failed',
      reason: 'no binary',
      error: { code: 'E' },
    })
    model.apply(lifecycle('probing'))
    expect(model.agents.get('a1')).toEqual(agent('a1', { state: 'probing' }))
    expect(model.totals?.servers).toMatchObject({ running: 0, starting: 1 })
  })

  it('knows which host has told the state of an agent', () => {
    const lifecycle = { state: 'healthy', at: 1, restarts: 0 } as const
    model.apply({ ...common('a1'), host_id: 'h2', type: 'agent.lifecycle', lifecycle })
    expect(model.agents.get('a1')?.host_id).toBe('h2')
    model.apply({ ...common('a1'), type: 'agent.lifecycle', lifecycle })
    expect(model.agents.get('a1')?.host_id).toBeUndefined()
  })

  it('adds and removes agents', () => {
    model.apply({ ...common('a3'), type: 'agent.added' })
    model.apply({ ...common('a2'), type: 'agent.removed' })
    expect([...model.agents.keys()]).toEqual(['a1', 'a3'])
    expect(model.takeChanges()).toMatchObject({ ids: true, requests: false, totals: false })
  })

  it('keeps what an event has said of a request, whatever a list says that was read meanwhile', () => {
    model.apply(opened('r2'))
    model.apply(closed('r1'))
    model.apply({ type: 'requests', items: [pending('r1'), pending('r0')] })
    expect([...model.requests.keys()].sort()).toEqual(['r0', 'r2'])
  })

  it('tells requests that closed while the stream was down', () => {
    model.apply(opened('r1'))
    model.apply({ type: 'snapshot', status: status([agent('a1')]) })
    expect([...model.requests.keys()]).toEqual(['r1'])
    model.apply({ type: 'requests', items: [] })
    expect(model.requests.size).toBe(0)
    expect(model.closed.get('r1')).toMatchObject({ by: 'unknown', pending: { agent_id: 'a1' } })
  })

  it('tells by what a request was closed', () => {
    model.apply(opened('r1'))
    expect(model.agents.get('a1')?.open_requests).toBe(1)
    model.apply(closed('r1'))
    expect(model.closed.get('r1')?.by).toBe('answer')
    expect(model.agents.get('a1')?.open_requests).toBe(0)
  })

  it('brings another model to the same state by its items', () => {
    model.apply(turn('turn.queued', 't1'))
    model.apply(opened('r1'))
    const other = new FleetModel()
    for (const item of model.items()) other.apply(item)
    for (const part of ['totals', 'agents', 'requests', 'turns'] as const)
      expect(other[part]).toEqual(model[part])
  })
})
