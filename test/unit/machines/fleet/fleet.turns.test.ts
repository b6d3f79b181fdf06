import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../../support/fleet-harness.ts'

const errorOf = ({ replies }: { replies: readonly object[] }): string =>
  (replies.at(-1) as { error?: string } | undefined)?.error ?? ''

describe('A turn of a fleet', () => {
  it('runs within the limits of the fleet, its tenant and its agent', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', tenant: 'acme', maxRunningTurns: 1 }, { id: 'a2', tenant: 'acme' }, { id: 'a3' }],
      limits: { maxRunningTurns: 5 },
      tenants: { acme: { maxRunningTurns: 3 } },
      script: held,
    })
    for (const id of ['a1', 'a2', 'a3']) for (let i = 0; i < 4; i++) fleet.turn(id)
    await fleet.advance(5_000)
    const running = (id: string) => fleet.fleet.agent(id).status.turns.running
    expect(['a1', 'a2', 'a3'].map(running)).toEqual([1, 2, 2])
    expect(fleet.server('a2').busy).toHaveLength(2)
    fleet.server('a1').answer()
    await fleet.advance()
    expect(running('a1')).toBeLessThanOrEqual(1)
    expect(fleet.fleet.status.turns).toEqual({ running: 5, queued: 6, max: 5 })
    expect(fleet.fleet.status.tenants['acme']?.turns.running).toBeLessThanOrEqual(3)
  })

  it('is admitted only as the head of its session', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    const session = fleet.fleet.agent('a1').session()
    const turns = [1, 2, 3].map((n) => fleet.collect(session.turn(`${n}`)))
    const other = fleet.turn('a1', 'other')
    await fleet.advance(5_000)
    const received = () => fleet.server('a1').received.map(({ text }) => text)
    expect(received()).toEqual(['1', 'other'])
    expect(fleet.context().queue.load).toMatchObject({ running: 2, queued: 2 })
    fleet.server('a1').answer(await turns[0]?.sessionId)
    await fleet.advance()
    expect(received()).toEqual(['1', 'other', '2'])
    turns[1]?.cancel()
    await fleet.advance()
    expect(received()).toEqual(['1', 'other', '2', '3'])
    expect(turns.map(endOf)).toEqual(['final', 'cancelled', 'open'])
    expect(endOf(other)).toBe('open')
  })

  it('with a permit passes the queue of its own server by', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', maxConcurrentTurns: 1, maxRunningTurns: 3 }],
      script: held,
    })
    for (let i = 0; i < 4; i++) fleet.turn('a1')
    await fleet.advance(5_000)
    expect(fleet.server('a1').busy).toHaveLength(3)
  })

  it('keeps its own deadline while it waits for a place', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    fleet.turn('a1')
    await fleet.advance(3_000)
    const late = fleet.turn('a2', { text: 'late', deadlineMs: 10_000 })
    const later = fleet.turn('a2', { text: 'later', deadlineMs: 20_000 })
    await fleet.advance(9_900)
    expect(endOf(late)).toBe('open')
    await fleet.advance(200)
    expect([late, later].map(endOf)).toEqual(['deadline_exceeded', 'open'])
    await fleet.advance(10_000)
    expect(endOf(later)).toBe('deadline_exceeded')
    expect(fleet.context().queue.load.queued).toBe(0)
    expect(fleet.stage('a2')).toBe('cold')
  })

  it('keeps its place in the order when its server is replaced', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', maxRunningTurns: 1 }],
      script: held,
    })
    for (const text of ['1', '2', '3']) fleet.turn('a1', text)
    await fleet.advance(3_000)
    void fleet.fleet.put({ id: 'a1', maxRunningTurns: 1, proxy: { apiKey: 'another' } })
    await fleet.advance()
    for (let i = 0; i < 3; i++) {
      fleet.server('a1').answer()
      await fleet.advance(3_000)
    }
    expect(fleet.server('a1').received.map(({ text }) => text)).toEqual(['1', '2', '3'])
    expect(fleet.turns.map(endOf)).toEqual(['final', 'final', 'final'])
  })

  it('of higher priority runs first, within its tenant', async () => {
    const fleet = startFleet({ agents: [{ id: 'a1', maxRunningTurns: 1 }], script: held })
    for (const priority of [5, 0, 9]) fleet.turn('a1', { text: `${priority}`, priority })
    await fleet.advance(3_000)
    for (let i = 0; i < 3; i++) {
      fleet.server('a1').answer()
      await fleet.advance()
    }
    expect(fleet.server('a1').received.map(({ text }) => text)).toEqual(['9', '5', '0'])
  })

  it('beyond a bound of the fleet, the tenant or the agent is overloaded at once, with the wait to expect', async () => {
    const fleet = startFleet({
      agents: [
        { id: 'a1', maxRunningTurns: 1, maxQueuedTurns: 1 },
        { id: 'a2', tenant: 'acme', maxRunningTurns: 1 },
        { id: 'a3', maxRunningTurns: 1 },
      ],
      limits: { maxQueuedTurns: 4 },
      tenants: { acme: { maxQueuedTurns: 2 } },
      script: held,
    })
    const ends = (id: string, n: number) => Array.from({ length: n }, () => fleet.turn(id))
    const [a1, a2] = [ends('a1', 1), ends('a2', 1)]
    await fleet.advance(5_000)
    a1.push(...ends('a1', 2))
    expect(a1.map(endOf)).toEqual(['open', 'open', 'overloaded'])
    expect(errorOf(a1[2] ?? fleet.turn('a1'))).toMatch(
      /queue of the agent a1 is full.* allows 1 .*about \d+ s$/,
    )
    a2.push(...ends('a2', 3))
    expect(a2.map(endOf)).toEqual(['open', 'open', 'open', 'overloaded'])
    expect(errorOf(a2[3] ?? fleet.turn('a1'))).toMatch(/queue of the tenant acme is full.* allows 2 /)
    const a3 = ends('a3', 3)
    // The first turn starts the server, and waits in the queue meanwhile.
    expect(a3.map(endOf)).toEqual(['open', 'overloaded', 'overloaded'])
    expect(errorOf(a3[2] ?? fleet.turn('a1'))).toMatch(/queue of the fleet is full.* allows 4 /)
    expect(fleet.context().queue.load).toMatchObject({ running: 2, queued: 4 })
  })

  it('of a busy server that gets no further turns counts for the bounds, although the agent has a free place', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', maxRunningTurns: 4, maxQueuedTurns: 1 }, { id: 'a2' }],
      limits: { maxServers: 1 },
      script: held,
    })
    const running = fleet.turn('a1')
    await fleet.advance(60_000)
    const other = fleet.turn('a2')
    await fleet.advance()
    const further = [fleet.turn('a1'), fleet.turn('a1'), fleet.turn('a1')]
    await fleet.advance()
    expect([running, other, ...further].map(endOf)).toEqual([
      'open',
      'open',
      'open',
      'overloaded',
      'overloaded',
    ])
    expect(fleet.context().queue.loadOfAgent('a1')).toMatchObject({ running: 1, queued: 1 })
  })

  it('without a queue is taken if it can run or start at once, else overloaded', async () => {
    const fleet = startFleet({
      agents: [
        { id: 'a1', maxRunningTurns: 1 },
        { id: 'a2', maxRunningTurns: 1 },
      ],
      limits: { maxQueuedTurns: 0, maxServers: 1 },
      script: held,
    })
    const first = fleet.turn('a1')
    await fleet.advance(3_000)
    const refused = [fleet.turn('a1'), fleet.turn('a2')]
    await fleet.advance()
    expect([first, ...refused].map(endOf)).toEqual(['open', 'overloaded', 'overloaded'])
    fleet.server('a1').answer()
    await fleet.advance()
    const next = fleet.turn('a1')
    await fleet.advance()
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(next)).toBe('final')
    expect(fleet.stage('a2')).toBe('cold')
  })

  it('whose server died runs again first, with the permit that it holds', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', maxRunningTurns: 1 }, { id: 'a2' }],
      limits: { maxRunningTurns: 2 },
      script: held,
    })
    const resumed = fleet.turn('a1', { text: 'resumed', resume: true })
    await fleet.advance(3_000)
    const next = fleet.turn('a1', { text: 'next', priority: 9 })
    fleet.server('a1').exit()
    await fleet.advance()
    expect(fleet.context().queue.loadOfAgent('a1')).toMatchObject({ running: 1, queued: 1 })
    const others = [fleet.turn('a2'), fleet.turn('a2')]
    await fleet.advance(3_000)
    // The resumed turn and one of a2: the limit of the fleet counts the turn that has no server.
    expect(fleet.server('a2').busy).toHaveLength(1)
    expect(fleet.server('a1').received.map(({ text }) => text)).toEqual(['resumed', 'resumed'])
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(resumed)).toBe('final')
    for (let i = 0; i < 3; i++) {
      fleet.server('a1').answer()
      fleet.server('a2').answer()
      await fleet.advance()
    }
    expect([next, ...others].map(endOf)).toEqual(['final', 'final', 'final'])
  })

  it('of a failed agent ends, and no other agent is affected', async () => {
    const fleet = startFleet({
      ids: ['bad', 'good'],
      limits: { maxServers: 1 },
      defaults: { ...usual, maxRestarts: 1, backoffInitialMs: 10 },
    })
    fleet.server('bad').behaviour.prepareError = new Error('no config')
    const bad = fleet.turn('bad')
    await fleet.advance(10_000)
    const good = fleet.turn('good')
    await fleet.advance(5_000)
    expect([bad, good].map(endOf)).toEqual(['server_unavailable', 'final'])
    expect(fleet.stages()).toEqual({ bad: 'failed', good: 'healthy' })
    expect(fleet.fleet.agent('bad').status).toMatchObject({ state: 'failed' })
    fleet.server('bad').behaviour.prepareError = undefined
    await Promise.all([fleet.fleet.agent('bad').ensureRunning(), fleet.advance(5_000)])
    expect(fleet.fleet.agent('bad').status).toMatchObject({ state: 'healthy' })
  })

  it('of a crash-looping agent takes a place only while its server starts', async () => {
    const fleet = startFleet({
      ids: ['bad', 'good'],
      limits: { maxServers: 1 },
      defaults: { ...usual, maxRestarts: 5, restartWindowMs: 600_000 },
    })
    fleet.server('bad').behaviour.startMs = Infinity
    const bad = fleet.turn('bad')
    await fleet.advance()
    const good = Array.from({ length: 3 }, () => fleet.turn('good'))
    for (let i = 0; i < 6; i++) {
      fleet.server('bad').exit()
      await fleet.advance(40_000)
    }
    expect(good.map(endOf)).toEqual(['final', 'final', 'final'])
    expect(endOf(bad)).toBe('server_unavailable')
  })

  it('before ready waits for the records, and an unknown agent is one rejected', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    const [known, unknown] = [fleet.turn('a1'), fleet.turn('nobody')]
    expect(fleet.fleet.actor.getSnapshot().value).toBe('opening')
    await fleet.advance(5_000)
    expect([known, unknown].map(endOf)).toEqual(['final', 'rejected'])
    expect(unknown.replies).toHaveLength(1)
    expect(endOf(fleet.turn('nobody'))).toBe('rejected')
    expect(endOf(fleet.turn('Not an id!'))).toBe('rejected')
  })

  it('after close is one cancelled', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    await fleet.advance()
    const closing = fleet.fleet.close()
    const meanwhile = fleet.turn('a1')
    await fleet.advance()
    await closing
    expect([meanwhile, fleet.turn('a1')].map(endOf)).toEqual(['cancelled', 'cancelled'])
    expect(outcomeOf(fleet.fleet.put({ id: 'a9' }))).toMatchObject({ state: 'pending' })
  })

  it('is reported once as queued, started and ended', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    fleet.turn('a1')
    await fleet.advance(5_000)
    expect(fleet.told('a1')).toEqual(['turn.queued', 'turn.started', 'turn.ended'])
    expect(fleet.events.map(({ seq }) => seq)).toEqual(fleet.events.map((_, i) => i + 1))
  })
})

const usual = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' }, models: ['simulated'] }
