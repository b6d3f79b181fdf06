import { Subject } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import type { FleetEvent } from '../../../../src/api/fleet/types.ts'
import type { FleetReport } from '../../../../src/cluster/reports/fleet-report.ts'
import { FleetReporter } from '../../../../src/cluster/reports/fleet-reporter.ts'
import { HostFaultError } from '../../../../src/errors.ts'
import { agentStatusOf, fleetStatusOf, startedEvent } from '../../../support/reports.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

/** Starts the reporter of the host h1, with a fleet that a test changes by hand. */
function reporterOf(places: Record<string, { hostId: string | null; epoch: number }>) {
  const clock = new SteppedClock()
  const events$ = new Subject<FleetEvent>()
  const fleet = { events$, status: fleetStatusOf([agentStatusOf('a1'), agentStatusOf('a2')]) }
  const sent: FleetReport[] = []
  const net = { isUp: true, ask: (): void => undefined }
  const reporter = new FleetReporter({
    ...{ fleet, hostId: 'h1', clock: clock as SystemClock, placeOf: (key) => places[key] },
    reports: {
      send: (_hostId, report) => {
        if (net.isUp) sent.push(JSON.parse(JSON.stringify(report)) as FleetReport)
        return net.isUp
      },
      onAsk: (listener) => (net.ask = listener),
    },
  })
  onTestFinished(() => reporter.stop())
  return { clock, events$, fleet, sent, net, reporter }
}
const here = { hostId: 'h1', epoch: 3 }

describe('The reporter of a host', () => {
  it('reports all of its own agents first, then what happens to them with their status', async () => {
    const { clock, events$, fleet, sent } = reporterOf({
      'acme.a1': here,
      'acme.a2': { hostId: 'h2', epoch: 9 },
    })
    await clock.advance(0)
    expect(sent).toMatchObject([
      {
        number: 1,
        isWhole: true,
        agents: [{ epoch: 3, value: { id: 'a1' } }],
        totals: { servers: { max: 4 } },
      },
    ])
    expect(sent[0]?.agents).toHaveLength(1)
    events$.next(startedEvent('a1'))
    events$.next(startedEvent('a2'))
    events$.next({ seq: 3, at: 5, agentId: 'a1', tenant: 'acme', type: 'agent.changed' })
    fleet.status = fleetStatusOf([agentStatusOf('a1', { state: 'healthy' }), agentStatusOf('a2')])
    await clock.advance(100)
    expect(sent).toHaveLength(2)
    expect(sent[1]).toMatchObject({ number: 2, agents: [{ value: { id: 'a1', state: 'healthy' } }] })
    expect(sent[1]?.events.map(({ epoch, value }) => [epoch, value.type, value.agentId])).toEqual([
      [3, 'turn.started', 'a1'],
    ])
  })

  it('sends at most ten reports a second, of a bounded size, and says what it has left out', async () => {
    const { clock, events$, sent } = reporterOf({ 'acme.a1': here })
    await clock.advance(0)
    for (let i = 0; i < 500; i++) {
      events$.next(startedEvent('a1', `t${i}`))
      await clock.advance(2)
    }
    expect(sent.length).toBeLessThanOrEqual(12)
    expect(sent.flatMap(({ events }) => events)).toHaveLength(500)
    expect(sent.some(({ hasGap }) => hasGap)).toBe(false)
    for (let i = 0; i < 5_000; i++) events$.next(startedEvent('a1', `t${i}`))
    events$.next(startedEvent('a1', 'x'.repeat(300_000)))
    await clock.advance(200)
    const last = sent.at(-1)
    expect(last?.hasGap).toBe(true)
    expect(last?.events.length).toBeGreaterThan(100)
    expect(JSON.stringify(last).length).toBeLessThan(500_000)
    events$.next(startedEvent('a1'))
    await clock.advance(200)
    expect(sent.at(-1)).not.toHaveProperty('hasGap')
  })

  it('reports on everything when it is asked, at most once a second', async () => {
    const { clock, sent, net } = reporterOf({ 'acme.a1': here })
    await clock.advance(2_000)
    const before = sent.length
    for (let i = 0; i < 10; i++) {
      net.ask()
      await clock.advance(50)
    }
    await clock.advance(1_500)
    const wholes = sent.slice(before).filter(({ isWhole }) => isWhole)
    expect(wholes.length).toBeGreaterThanOrEqual(1)
    expect(wholes.length).toBeLessThanOrEqual(2)
  })

  it('reports on everything after the connection was down, and numbers what was lost', async () => {
    const { clock, events$, sent, net } = reporterOf({ 'acme.a1': here })
    await clock.advance(5_000)
    const before = sent.at(-1)?.number ?? 0
    net.isUp = false
    events$.next(startedEvent('a1'))
    await clock.advance(500)
    net.isUp = true
    await clock.advance(3_000)
    const back = sent.find(({ number }) => number > before)
    expect(back).toMatchObject({ isWhole: true, hasGap: true, events: [], agents: [{ value: { id: 'a1' } }] })
    expect(back?.number).toBeGreaterThan(before + 1)
  })

  it('says nothing for some seconds while nothing changes, and then that it lives', async () => {
    const { clock, sent } = reporterOf({ 'acme.a1': here })
    await clock.advance(30_000)
    expect(sent.length).toBeLessThanOrEqual(7)
    expect(sent.length).toBeGreaterThanOrEqual(4)
    expect(sent.at(-1)).toMatchObject({ events: [], agents: [] })
  })

  it('reports an agent without an owner only while it does something', async () => {
    const { clock, fleet, sent } = reporterOf({})
    await clock.advance(0)
    expect(sent[0]?.agents).toEqual([])
    for (const state of ['healthy', 'idle', 'idle'] as const) {
      fleet.status = fleetStatusOf([agentStatusOf('a1', { state }), agentStatusOf('a2')])
      await clock.advance(2_000)
    }
    const states = sent.flatMap(({ agents }) => agents.map(({ value }) => `${value.id} ${value.state}`))
    expect(states).toEqual(['a1 healthy', 'a1 idle'])
  })

  it('reports errors with their code and message alone', async () => {
    const { clock, events$, sent } = reporterOf({ 'acme.a1': here })
    const error = new HostFaultError('The server at /srv/x ended', { errno: 'ENOENT', path: '/srv/x' })
    const lifecycle = { state: 'failed', at: 5, restarts: 1, error } as const
    events$.next({ seq: 1, at: 5, agentId: 'a1', tenant: 'acme', type: 'agent.lifecycle', lifecycle })
    await clock.advance(100)
    expect(sent.at(-1)?.events[0]?.value).toMatchObject({
      lifecycle: {
        state: 'failed',
        error: { code: error.code, message: expect.not.stringContaining('/srv/x') as string },
      },
    })
  })

  it('reports on many agents in parts, and says that another part follows', async () => {
    const ids = Array.from({ length: 450 }, (_, i) => `b${i}`)
    const { clock, fleet, sent } = reporterOf(Object.fromEntries(ids.map((id) => [`acme.${id}`, here])))
    fleet.status = fleetStatusOf(ids.map((id) => agentStatusOf(id)))
    await clock.advance(0)
    expect(sent.map(({ agents, isWhole, hasMore }) => [agents.length, isWhole, hasMore])).toEqual([
      [200, true, true],
      [200, undefined, true],
      [50, undefined, undefined],
    ])
  })

  it('tells of the tenants with turns only, so that a report never outgrows a message', async () => {
    const { clock, fleet, sent } = reporterOf({ 'acme.a1': here })
    const quiet = { weight: 1, turns: { running: 0, queued: 0, max: 9 } }
    const tenants = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`tenant-${i}`, quiet]))
    const loud = { weight: 2, turns: { running: 0, queued: 1, max: 9 } }
    fleet.status = { ...fleetStatusOf([agentStatusOf('a1')]), tenants: { ...tenants, loud } }
    await clock.advance(0)
    expect(sent[0]?.totals.tenants).toEqual({ loud })
  })

  it('reports what is left when it stops', async () => {
    const { clock, events$, sent, reporter } = reporterOf({ 'acme.a1': here })
    await clock.advance(0)
    events$.next(startedEvent('a1'))
    reporter.stop()
    expect(sent.at(-1)?.events).toHaveLength(1)
    const { length } = sent
    await clock.advance(10_000)
    expect(sent).toHaveLength(length)
  })
})
