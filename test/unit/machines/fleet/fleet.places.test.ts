import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../../support/fleet-harness.ts'

describe('A place of a fleet', () => {
  it('is given to a waiting agent by the least recently used idle server', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2', 'a3'], limits: { maxServers: 2 } })
    for (const id of ['a1', 'a2', 'a1']) {
      fleet.turn(id)
      await fleet.advance(5_000)
    }
    const turn = fleet.turn('a3')
    await fleet.advance()
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'cold', a3: 'starting' })
    await fleet.advance(5_000)
    expect(endOf(turn)).toBe('final')
    expect(fleet.told('a2').at(-1)).toBe('agent.evicted place')
    expect(fleet.reasons('a2')).toContain('evicted: another agent needs the place')
    expect(fleet.told('a1').filter((type) => type.startsWith('agent.evicted'))).toEqual([])
  })

  it('is kept by a server with a running turn, and given up when the turn ends', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    const running = fleet.turn('a1')
    await fleet.advance(3_000)
    const waiting = fleet.turn('a2')
    await fleet.advance(60_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'asking' })
    fleet.server('a1').answer()
    await fleet.advance(2_000)
    expect(fleet.stages()).toEqual({ a1: 'cold', a2: 'healthy' })
    fleet.server('a2').answer()
    await fleet.advance()
    expect([running, waiting].map(endOf)).toEqual(['final', 'final'])
  })

  it('is kept by a server whose turn has an open request', async () => {
    const fleet = startFleet({
      agents: [{ id: 'a1', onPermission: 'ask' }, { id: 'a2' }],
      limits: { maxServers: 1 },
      script: ({ agentId }) => (agentId === 'a1' ? { permission: 'bash' } : 'ok'),
    })
    const asking = fleet.turn('a1')
    await fleet.advance(3_000)
    const waiting = fleet.turn('a2')
    await fleet.advance(20_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'asking' })
    expect(fleet.fleet.agent('a1').status.openRequests).toBe(1)
    const [request] = fleet.fleet.requests
    await fleet.fleet.answer(request?.request.id ?? '', 'once')
    await fleet.advance(5_000)
    expect([asking, waiting].map(endOf)).toEqual(['final', 'final'])
  })

  it('is kept by a server with a session call or an operation, and not pinned afterwards', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 } })
    fleet.server('a1').behaviour.requestMs = 10_000
    const call = outcomeOf(fleet.fleet.agent('a1').session().id)
    await fleet.advance(3_000)
    const waiting = fleet.turn('a2')
    await fleet.advance(5_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'asking' })
    const operation = outcomeOf(fleet.fleet.agent('a1').sessions())
    await fleet.advance(4_500)
    expect(call.state).toBe('done')
    await fleet.advance(1_000)
    // The operation came later than the waiting agent, so the server ends first.
    expect(fleet.stage('a1')).toBe('asking')
    expect(operation.state).toBe('pending')
    await fleet.advance(20_000)
    expect(endOf(waiting)).toBe('final')
    expect(operation.state).toBe('done')
    expect(fleet.stage('a1')).toBe('healthy')
  })

  it('is not pinned by ensureRunning', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 } })
    const ensured = outcomeOf(fleet.fleet.agent('a1').ensureRunning())
    await fleet.advance(2_500)
    expect(ensured.state).toBe('done')
    const turn = fleet.turn('a2')
    await fleet.advance(5_000)
    expect(endOf(turn)).toBe('final')
    expect(fleet.stage('a1')).toBe('cold')
  })

  it('is waited for by session calls and ensureRunning, until their deadline', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    fleet.turn('a1')
    await fleet.advance(3_000)
    const calls = [
      outcomeOf(fleet.fleet.agent('a2').ensureRunning()),
      outcomeOf(fleet.fleet.agent('a2').session().id),
      outcomeOf(fleet.fleet.agent('a2').sessions()),
    ]
    await fleet.advance(29_900)
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending'])
    await fleet.advance(200)
    for (const call of calls)
      expect(call).toMatchObject({
        state: 'rejected',
        value: { code: 'ERR_OPENCODE_START_TIMEOUT', message: expect.stringContaining('30000 ms') as string },
      })
    await fleet.advance()
    expect(fleet.stage('a2')).toBe('cold')
    expect(fleet.context().queue.waitingOf('a2')).toBe(0)
  })

  it('is given up by a flooder whose turns come later in the order, after as long as its start took', async () => {
    const fleet = startFleet({
      agents: [
        { id: 'flooder', tenant: 'one' },
        { id: 'light', tenant: 'two' },
      ],
      limits: { maxServers: 1 },
      script: () => ({ afterMs: 500 }),
      defaults: { ...usual, maxRunningTurns: 2 },
    })
    for (let i = 0; i < 40; i++) fleet.turn('flooder')
    await fleet.advance(2_100)
    const light = fleet.turn('light')
    await fleet.advance(1_800)
    // The server keeps its place for as long as its start took: 2 s.
    expect(fleet.stages()).toEqual({ flooder: 'healthy', light: 'asking' })
    await fleet.advance(800)
    expect(fleet.stages()).toEqual({ flooder: 'asking', light: 'starting' })
    await fleet.advance(2_600)
    expect(endOf(light)).toBe('final')
    await fleet.advance(60_000)
    expect(fleet.turns.map(endOf)).toEqual(fleet.turns.map(() => 'final'))
  })

  it('over the memory budget is given up by an idle server, whose agent is told why', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { memoryMb: 1_300 }, script: ({ text }) => text })
    fleet.turn('a1')
    fleet.turn('a2')
    await fleet.advance(5_000)
    fleet.turn('a1')
    await fleet.advance(2_000)
    fleet.server('a1').behaviour.memoryMb = 900
    fleet.server('a2').behaviour.memoryMb = 500
    await fleet.advance(20_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'cold' })
    expect(fleet.told('a2').at(-1)).toBe('agent.evicted memory')
    expect(fleet.reasons('a2')).toContain('evicted: memory is short')
  })

  it('over the memory budget is kept by busy servers, and no further server starts', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2', 'a3'], limits: { memoryMb: 1_300 }, script: held })
    for (const id of ['a1', 'a2']) {
      fleet.server(id).behaviour.memoryMb = 800
      fleet.turn(id)
    }
    await fleet.advance(20_000)
    const third = fleet.turn('a3')
    await fleet.advance(20_000)
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'healthy', a3: 'asking' })
    expect(fleet.reasons('a3').at(-1)).toMatch(/^waiting for memory/)
    fleet.server('a1').answer()
    await fleet.advance(20_000)
    // 800 MiB and the 600 reserved ones are still too much.
    expect(fleet.stages()).toEqual({ a1: 'cold', a2: 'healthy', a3: 'asking' })
    fleet.server('a2').answer()
    await fleet.advance(3_000)
    fleet.server('a3').answer()
    await fleet.advance()
    expect(endOf(third)).toBe('final')
  })

  it('is given up by an idle server after its idleTimeoutMs, and then its agent is cold', async () => {
    const fleet = startFleet({
      ids: ['a1'],
      defaults: { ...usual, idleTimeoutMs: 10_000 },
    })
    fleet.turn('a1')
    await fleet.advance(12_900)
    expect(fleet.stage('a1')).toBe('healthy')
    await fleet.advance(200)
    expect(fleet.stage('a1')).toBe('cold')
    expect(fleet.told('a1').at(-1)).toBe('agent.evicted idle')
    expect(fleet.actors()).toEqual([])
    expect(fleet.fleet.agent('a1').lifecycle.state).toBe('idle')
    const again = fleet.turn('a1')
    await fleet.advance(5_000)
    expect(endOf(again)).toBe('final')
    expect(fleet.server('a1').spawns).toBe(2)
  })

  it('costs a cold agent neither an actor nor a timer', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2', 'a3'], defaults: { ...usual, idleTimeoutMs: 1_000 } })
    await fleet.advance(1_000)
    const before = fleet.time.pending
    expect(fleet.actors()).toEqual([])
    for (const id of ['a1', 'a2', 'a3']) fleet.turn(id)
    await fleet.advance(60_000)
    expect(fleet.stages()).toEqual({ a1: 'cold', a2: 'cold', a3: 'cold' })
    expect(fleet.actors()).toEqual([])
    expect(fleet.time.pending).toBe(before)
    expect(fleet.context().active).toBe(0)
  })
})

const usual = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' }, models: ['simulated'] }
