import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Fleet } from '../../../src/api/fleet/fleet.ts'
import { FleetRunner } from '../../../src/cluster/fleet-runner.ts'
import type { AgentKey } from '../../../src/cluster/store/cluster-store.ts'
import { tempHome } from '../../support/home.ts'

const [before, now]: [AgentKey, AgentKey] = [
  { tenant: 'before', agentId: 'a1' },
  { tenant: 'now', agentId: 'a1' },
]

/** Runner of a fleet with one agent, which has another tenant now than before. */
async function runnerOf() {
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-1' }
  const fleet = new Fleet({ dataDir: tempHome(), defaults: { proxy, models: ['gpt-4o'] } })
  onTestFinished(() => fleet.close())
  await fleet.apply([{ id: 'a1', tenant: 'now' }])
  const has = ({ tenant }: AgentKey): boolean => tenant === 'now'
  const runner = new FleetRunner(fleet, { has, canRun: has, isRemoved: (agent) => !has(agent) }, '')
  const agent = fleet.agent('a1')
  vi.spyOn(fleet, 'agent').mockReturnValue(agent)
  return { fleet, runner, stop: vi.spyOn(agent, 'stop') }
}

describe('The runner of a fleet', () => {
  it('does not stop the server of an agent when its former tenant is given up', async () => {
    const { runner, stop } = await runnerOf()
    await runner.open(now)
    await runner.open(before)
    await runner.close(before)
    expect(stop).not.toHaveBeenCalled()
    await runner.close(now)
    expect(stop).toHaveBeenCalledOnce()
  })

  it('gives a turn another id in the fleet while one of another tenant with its id runs', async () => {
    const { fleet, runner } = await runnerOf()
    const turn = vi.spyOn(fleet, 'turn')
    const input = { text: 'Hi', turnId: 't1' }
    const first = runner.turn(now, input)
    const second = runner.turn(before, input)
    first.cancel()
    await Promise.all([first.done, second.done])
    runner.turn(now, input).cancel()
    const ids = turn.mock.calls.map(([, sent]) => (sent as typeof input).turnId)
    expect([ids[0], ids[2]]).toEqual(['t1', 't1'])
    expect(ids[1]).not.toBe('t1')
  })

  it('stops what may be left of an agent that only its former tenant had', async () => {
    const { runner, stop } = await runnerOf()
    await runner.open(before)
    await runner.close(before)
    expect(stop).toHaveBeenCalledOnce()
  })
})
