import { describe, expect, it } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../../support/fleet-harness.ts'

describe('stop of an agent', () => {
  it('ends its turns with cancelled, and the next turn wakes the agent', async () => {
    const fleet = startFleet({ agents: [{ id: 'a1', maxRunningTurns: 1 }], script: held })
    const turns = [fleet.turn('a1'), fleet.turn('a1')]
    await fleet.advance(3_000)
    const stopped = outcomeOf(fleet.fleet.agent('a1').stop())
    await fleet.advance()
    expect(stopped.state).toBe('done')
    expect(turns.map(endOf)).toEqual(['cancelled', 'cancelled'])
    expect(fleet.stage('a1')).toBe('cold')
    expect(fleet.told('a1').filter((type) => type.startsWith('agent.evicted'))).toEqual([])
    const next = fleet.turn('a1')
    await fleet.advance(3_000)
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(next)).toBe('final')
  })

  it('while the agent waits for a place ends the wait', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    fleet.turn('a1')
    await fleet.advance(3_000)
    const waiting = fleet.turn('a2')
    const ensured = outcomeOf(fleet.fleet.agent('a2').ensureRunning())
    await fleet.advance()
    void fleet.fleet.agent('a2').stop()
    await fleet.advance()
    expect(endOf(waiting)).toBe('cancelled')
    expect(ensured).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_STOPPED' } })
    expect(fleet.stages()).toEqual({ a1: 'healthy', a2: 'cold' })
    expect(fleet.context().queue.waitingOf('a2')).toBe(0)
  })

  it('gives its place to the agent that waits', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 }, script: held })
    fleet.turn('a1')
    await fleet.advance(3_000)
    fleet.turn('a2')
    await fleet.advance()
    void fleet.fleet.agent('a1').stop()
    await fleet.advance()
    expect(fleet.stages()).toEqual({ a1: 'cold', a2: 'starting' })
  })
})

describe('remove', () => {
  it.each([
    ['cold', 0, 'cold', []],
    ['starting', 1_000, 'starting', ['cancelled', 'cancelled']],
    ['running', 3_000, 'healthy', ['cancelled', 'cancelled']],
  ])('ends a %s agent and its turns', async (name, ms, stage, ends) => {
    const fleet = startFleet({ agents: [{ id: 'a1', maxRunningTurns: 1 }], script: held })
    const turns = name === 'cold' ? [] : [fleet.turn('a1'), fleet.turn('a1')]
    await fleet.advance(ms)
    expect(fleet.stage('a1')).toBe(stage)
    const removed = outcomeOf(fleet.fleet.remove('a1'))
    await fleet.advance()
    expect(removed.state).toBe('done')
    expect(turns.map(endOf)).toEqual(ends)
    expect(fleet.stage('a1')).toBeUndefined()
    expect(fleet.told('a1')).toContain('agent.removed')
    expect(fleet.actors()).toEqual([])
    expect(endOf(fleet.turn('a1'))).toBe('rejected')
    expect(() => fleet.fleet.agent('a1')).toThrow(
      expect.objectContaining({ code: 'ERR_OPENCODE_UNKNOWN_AGENT' }),
    )
  })

  it('lets running turns finish within drainMs, and refuses further ones', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    const running = fleet.turn('a1')
    await fleet.advance(3_000)
    const removed = outcomeOf(fleet.fleet.remove('a1', { drainMs: 10_000 }))
    await fleet.advance(5_000)
    expect([endOf(running), removed.state]).toEqual(['open', 'pending'])
    fleet.server('a1').answer()
    await fleet.advance()
    expect([endOf(running), removed.state]).toEqual(['final', 'done'])
  })

  it('of an agent that is put again at once leaves a new agent, when the old server has ended', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    const running = fleet.turn('a1')
    await fleet.advance(3_000)
    fleet.server('a1').behaviour.endMs = 5_000
    const removed = outcomeOf(fleet.fleet.remove('a1'))
    const put = outcomeOf(fleet.fleet.put({ id: 'a1', tenant: 'acme' }))
    await fleet.advance()
    const next = fleet.turn('a1')
    await fleet.advance(2_000)
    expect([removed.state, put.state, endOf(running)]).toEqual(['pending', 'pending', 'cancelled'])
    await fleet.advance(10_000)
    expect([removed.state, put]).toEqual(['done', { state: 'done', value: 'added' }])
    // The turn came while the agent was unknown.
    expect(endOf(next)).toBe('rejected')
    const again = fleet.turn('a1')
    await fleet.advance(3_000)
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(again)).toBe('final')
    expect(fleet.fleet.agent('a1').status.tenant).toBe('acme')
    expect(fleet.processes.most).toBe(1)
  })

  it('of an unknown agent rejects', async () => {
    const fleet = startFleet()
    const removed = outcomeOf(fleet.fleet.remove('nobody'))
    await fleet.advance()
    expect(removed).toMatchObject({ value: { code: 'ERR_OPENCODE_UNKNOWN_AGENT' } })
  })
})

describe('apply', () => {
  it('tells what it did, and does nothing the second time', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'] })
    const specs = [{ id: 'a1' }, { id: 'a2', tenant: 'acme' }, { id: 'a3' }]
    const first = outcomeOf(fleet.fleet.apply(specs))
    const second = outcomeOf(fleet.fleet.apply(specs))
    await fleet.advance()
    expect(first.value).toEqual({ added: ['a3'], changed: ['a2'], unchanged: ['a1'], removed: [] })
    expect(second.value).toEqual({ added: [], changed: [], unchanged: ['a1', 'a2', 'a3'], removed: [] })
    const pruned = outcomeOf(fleet.fleet.apply([{ id: 'a3' }], { prune: true }))
    await fleet.advance()
    expect(pruned.value).toEqual({ added: [], changed: [], unchanged: ['a3'], removed: ['a1', 'a2'] })
    expect(Object.keys(fleet.stages())).toEqual(['a3'])
  })

  it('with changed options drains and replaces a running server', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    const running = fleet.turn('a1')
    await fleet.advance(3_000)
    void fleet.fleet.put({ id: 'a1', proxy: { apiKey: 'another' } })
    await fleet.advance(1_000)
    expect([fleet.stage('a1'), endOf(running)]).toEqual(['draining', 'open'])
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(running)).toBe('final')
    const next = fleet.turn('a1')
    await fleet.advance(5_000)
    fleet.server('a1').answer()
    await fleet.advance()
    expect(endOf(next)).toBe('final')
    expect(fleet.server('a1').spawns).toBe(2)
  })

  it('with changed options of a starting server starts that server anew', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    const turn = fleet.turn('a1')
    await fleet.advance(1_000)
    void fleet.fleet.put({ id: 'a1', proxy: { apiKey: 'another' } })
    await fleet.advance(10_000)
    expect(endOf(turn)).toBe('final')
    expect(fleet.server('a1').spawns).toBe(2)
  })

  it('with changed options of a cold or an idle agent starts no server', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'] })
    fleet.turn('a2')
    await fleet.advance(5_000)
    void fleet.fleet.apply(['a1', 'a2'].map((id) => ({ id, proxy: { apiKey: 'another' } })))
    await fleet.advance(5_000)
    expect(fleet.server('a1').spawns).toBe(0)
    const turns = [fleet.turn('a1'), fleet.turn('a2')]
    await fleet.advance(10_000)
    expect(turns.map(endOf)).toEqual(['final', 'final'])
  })

  it('with changed options repairs a failed agent', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    fleet.server('a1').behaviour.prepareError = new Error('no config')
    fleet.turn('a1')
    await fleet.advance(5_000)
    expect(fleet.stage('a1')).toBe('failed')
    fleet.server('a1').behaviour.prepareError = undefined
    void fleet.fleet.put({ id: 'a1', proxy: { apiKey: 'another' } })
    await fleet.advance(40_000)
    const ensured = outcomeOf(fleet.fleet.agent('a1').ensureRunning())
    await fleet.advance(5_000)
    expect(ensured.state).toBe('done')
  })

  it('with lower limits applies them to the turns that wait', async () => {
    const fleet = startFleet({ agents: [{ id: 'a1', maxRunningTurns: 3 }], script: held })
    for (let i = 0; i < 5; i++) fleet.turn('a1')
    await fleet.advance(3_000)
    void fleet.fleet.put({ id: 'a1', maxRunningTurns: 1 })
    await fleet.advance()
    fleet.server('a1').answer()
    await fleet.advance()
    expect(fleet.fleet.agent('a1').status.turns).toEqual({ running: 2, queued: 2, max: 1 })
    expect(fleet.server('a1').spawns).toBe(1)
    for (let i = 0; i < 4; i++) {
      fleet.server('a1').answer()
      await fleet.advance()
    }
    expect(fleet.turns.map(endOf)).toEqual(Array(5).fill('final'))
  })
})

describe('close', () => {
  it('with drainMs lets running turns finish, and ends waiting, starting, cooling and failed agents', async () => {
    const fleet = startFleet({
      ids: ['run', 'start', 'cool', 'fail', 'wait'],
      limits: { maxServers: 2, maxStarting: 1 },
      defaults: { ...usual, backoffInitialMs: 20_000 },
      script: held,
    })
    fleet.server('fail').behaviour.prepareError = new Error('no config')
    fleet.server('cool').behaviour.startMs = Infinity
    const turns = Object.fromEntries(['fail', 'cool'].map((id) => [id, fleet.turn(id)]))
    await fleet.advance(1_000)
    fleet.server('cool').exit()
    await fleet.advance()
    turns['run'] = fleet.turn('run')
    await fleet.advance(3_000)
    fleet.server('start').behaviour.startMs = Infinity
    for (const id of ['start', 'wait']) turns[id] = fleet.turn(id)
    await fleet.advance()
    const stages = { run: 'healthy', start: 'starting', cool: 'cooling', fail: 'failed', wait: 'asking' }
    expect(fleet.stages()).toEqual(stages)
    const closed = outcomeOf(fleet.fleet.close({ drainMs: 10_000 }))
    await fleet.advance(1_000)
    expect(closed.state).toBe('pending')
    fleet.server('run').answer()
    await fleet.advance()
    expect(closed.state).toBe('done')
    const ends = Object.entries(turns).map(([id, turn]) => [id, endOf(turn)])
    expect(Object.fromEntries(ends)).toEqual({
      run: 'final',
      start: 'cancelled',
      cool: 'cancelled',
      wait: 'cancelled',
      fail: 'server_unavailable',
    })
    expect(fleet.processes.now).toBe(0)
  })

  it('before the records are read ends the waiting turns', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    const turn = fleet.turn('a1')
    const closed = outcomeOf(fleet.fleet.close())
    await fleet.advance()
    expect([closed.state, endOf(turn)]).toEqual(['done', 'cancelled'])
  })

  it('completes the observables of the fleet', async () => {
    const fleet = startFleet({ ids: ['a1'] })
    await fleet.advance()
    const done: string[] = []
    fleet.fleet.events$.subscribe({ complete: () => done.push('events') })
    fleet.fleet.status$.subscribe({ complete: () => done.push('status') })
    fleet.fleet.requests$.subscribe({ complete: () => done.push('requests') })
    fleet.fleet.agent('a1').lifecycle$.subscribe({ complete: () => done.push('lifecycle') })
    void fleet.fleet.close()
    await fleet.advance()
    expect(done.sort()).toEqual(['events', 'lifecycle', 'requests', 'status'])
  })
})

describe('A subscriber', () => {
  it('may start turns of the same and of other agents within an event', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2'], limits: { maxServers: 1 } })
    let left = 6
    fleet.fleet.events$.subscribe(({ type, agentId }) => {
      if (type !== 'turn.ended' || left-- <= 0) return
      fleet.turn(agentId)
      fleet.turn(agentId === 'a1' ? 'a2' : 'a1')
    })
    fleet.turn('a1')
    await fleet.advance(120_000)
    expect(fleet.turns).toHaveLength(13)
    expect(new Set(fleet.turns.map(endOf))).toEqual(new Set(['final']))
    expect(fleet.processes.most).toBe(1)
  })

  it('may stop, change and remove an agent within its lifecycle', async () => {
    const fleet = startFleet({ ids: ['a1', 'a2', 'a3'], script: held })
    const once = new Set<string>()
    fleet.fleet.events$.subscribe((event) => {
      if (event.type !== 'agent.lifecycle' || event.lifecycle.state !== 'healthy') return
      if (once.has(event.agentId)) return
      once.add(event.agentId)
      if (event.agentId === 'a1') void fleet.fleet.agent('a1').stop()
      if (event.agentId === 'a2') void fleet.fleet.remove('a2')
      if (event.agentId === 'a3') void fleet.fleet.put({ id: 'a3', proxy: { apiKey: 'another' } })
    })
    const turns = ['a1', 'a2', 'a3'].map((id) => fleet.turn(id))
    await fleet.advance(10_000)
    expect(turns.slice(0, 2).map(endOf)).toEqual(['cancelled', 'cancelled'])
    fleet.server('a3').answer()
    await fleet.advance()
    expect(endOf(turns[2] ?? fleet.turn('a3'))).toBe('final')
    expect(fleet.stages()).toMatchObject({ a1: 'cold' })
    expect(fleet.stage('a2')).toBeUndefined()
  })

  it('may cancel a turn within the event of its beginning, which ends the turn once', async () => {
    const fleet = startFleet({ ids: ['a1'], script: held })
    const turn = fleet.turn('a1')
    fleet.fleet.events$.subscribe(({ type }) => type === 'turn.queued' && turn.cancel())
    await fleet.advance(5_000)
    expect(endOf(turn)).toBe('cancelled')
    expect(fleet.told('a1')).toEqual(['turn.queued', 'turn.ended'])
    expect(fleet.context().queue.load).toMatchObject({ running: 0, queued: 0 })
    expect(fleet.server('a1').received).toEqual([])
  })

  it('may close the fleet within an event or a status', async () => {
    for (const what of ['turn.started', 'turn.queued', 'agent.lifecycle', 'status'] as const) {
      const fleet = startFleet({ ids: ['a1'] })
      await fleet.advance()
      const close = (): void => void fleet.fleet.close()
      if (what === 'status') fleet.fleet.status$.subscribe(({ turns }) => turns.queued > 0 && close())
      else fleet.fleet.events$.subscribe(({ type }) => type === what && close())
      const turn = fleet.turn('a1')
      await fleet.advance(10_000)
      expect([what, endOf(turn), fleet.fleet.actor.getSnapshot().status]).toEqual([what, 'cancelled', 'done'])
    }
  })
})

const usual = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' }, models: ['simulated'] }
