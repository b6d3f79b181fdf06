import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../support/fleet-harness.ts'

/** Starts a fleet whose status is read within each event, before the change is done. */
function startObserved(options: Parameters<typeof startFleet>[0]) {
  const fleet = startFleet(options)
  const seen: string[] = []
  const read = () => fleet.fleet.status.agents.map(({ id, tenant, state }) => `${id} ${tenant} ${state}`)
  fleet.fleet.events$.subscribe(() => seen.push(...read()))
  return { ...fleet, read, seen }
}

describe('The status of a fleet', () => {
  it('that is read within an event shows the change afterwards', async () => {
    const { fleet, advance, read } = startObserved({ ids: ['a1'] })
    await advance()
    void fleet.apply([{ id: 'b1', tenant: 'acme' }])
    await advance()
    expect(read()).toEqual(['a1 default idle', 'b1 acme idle'])
    void fleet.put({ id: 'b1', tenant: 'beta' })
    await advance()
    expect(read()).toEqual(['a1 default idle', 'b1 beta idle'])
    void fleet.remove('b1')
    await advance()
    expect(read()).toEqual(['a1 default idle'])
  })

  it('shows the state of a removed agent until its server has ended, and then no agent', async () => {
    const { fleet, advance, turn, server, read } = startObserved({ ids: ['a1', 'a2'], script: held })
    const running = turn('a1')
    await advance(5_000)
    const removed = outcomeOf(fleet.remove('a1', { drainMs: 10_000 }))
    await advance(1_000)
    expect(fleet.status.agents[0]).toMatchObject({ id: 'a1', state: 'healthy', turns: { running: 1 } })
    server('a1').answer()
    await advance(1_000)
    expect([endOf(running), removed.state]).toEqual(['final', 'done'])
    expect(read()).toEqual(['a2 default idle'])
    const put = outcomeOf(fleet.put({ id: 'a1' }))
    await advance()
    expect(put.value).toBe('added')
    expect(fleet.agent('a1').status).toMatchObject({ state: 'idle', restarts: 0 })
  })
})

describe('The events of a fleet', () => {
  it('reach every subscriber in order, also those that another subscriber causes', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'] })
    await fleet.advance()
    let isFirst = true
    const orders: number[][] = [[], []]
    fleet.fleet.events$.subscribe(({ seq, type }) => {
      orders[0]?.push(seq)
      if (type !== 'turn.queued' || !isFirst) return
      isFirst = false
      fleet.turn('a2')
    })
    fleet.fleet.events$.subscribe(({ seq }) => orders[1]?.push(seq))
    fleet.turn('a1')
    await fleet.advance(10_000)
    expect(orders[1]).toEqual(orders[0])
    expect(orders[1]).toEqual(orders[1]?.map((_, i) => i + 1))
    expect(fleet.told('a2')).toEqual(['turn.queued', 'turn.started', 'turn.ended'])
  })

  it('that a subscriber causes together with the end of the fleet are not lost', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    await fleet.advance()
    let isOver = false
    fleet.fleet.events$.subscribe({
      next: ({ type }) => {
        if (type === 'turn.queued') void fleet.fleet.close()
      },
      complete: () => (isOver = true),
    })
    const types: string[] = []
    fleet.fleet.events$.subscribe(({ type }) => types.push(type))
    fleet.turn('a1')
    await fleet.advance()
    expect(isOver).toBe(true)
    expect(types.filter((type) => type !== 'agent.lifecycle')).toEqual(['turn.queued', 'turn.ended'])
  })
})

describe('A turn that reaches no server', () => {
  const never = new Promise<never>(() => undefined)
  const ends = ({ events }: ReturnType<typeof startFleet>) =>
    events.flatMap((event) => (event.type === 'turn.ended' ? [`${event.agentId} ${event.code}`] : []))

  it('has one event for its end: a failed resolve, a cancel, an abort, a deadline, the end of the fleet', async () => {
    const fleet = startFleet({
      ids: ['bad', 'slow'],
      resolve: ({ id }) => (id === 'bad' ? Promise.reject(new Error('the vault is sealed')) : never),
    })
    await fleet.advance()
    fleet.turn('bad')
    fleet.turn('slow', { text: 'Hello', deadlineMs: 1_000, traceId: 't1' })
    const cancelled = fleet.turn('slow')
    fleet.turn('slow', { text: 'Hello', signal: AbortSignal.abort() })
    cancelled.cancel()
    cancelled.cancel()
    fleet.turn('unknown')
    await fleet.advance(2_000)
    fleet.turn('slow')
    void fleet.fleet.close()
    await fleet.advance(1_000)
    expect(ends(fleet).sort()).toEqual([
      'bad server_unavailable',
      'slow cancelled',
      'slow cancelled',
      'slow cancelled',
      'slow deadline_exceeded',
    ])
    expect(fleet.events.find((event) => 'traceId' in event && event.traceId === 't1')).toMatchObject({
      type: 'turn.ended',
      tenant: 'default',
      usage: { cost_usd: 0 },
    })
  })

  it('has one event for its end, also when the server of its agent is removed', async () => {
    const fleet = startFleet({ ids: ['slow'], resolve: () => never })
    await fleet.advance()
    fleet.turn('slow')
    void fleet.fleet.remove('slow')
    await fleet.advance(1_000)
    expect(fleet.told('slow')).toContain('agent.removed')
    expect(fleet.turns.map(endOf)).toEqual(['cancelled'])
  })
})
