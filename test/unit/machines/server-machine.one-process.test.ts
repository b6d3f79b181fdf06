import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

/** That there were never two processes is checked at the end of every test that uses the harness. */
describe('never two processes', () => {
  it('where many start at once, in every way there is', async () => {
    const server = startServer()
    const callers = [server.ensure(), server.ensure()]
    server.send({ type: 'server.start' })
    const turn = server.turn()
    await server.advance()
    expect(callers.map(({ state }) => state)).toEqual(['healthy', 'healthy'])
    expect(server.world.spawns).toBe(1)
    await server.answer(turn)
  })

  it('where a stop comes in the middle of configuring: nothing is spawned', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(server.world.spawns).toBe(0)
  })

  it('where a stop comes in the middle of configuring for a turn: nothing is spawned', async () => {
    const server = startServer()
    const turn = server.turn()
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
    expect(server.world.spawns).toBe(0)
  })

  it('where a start follows a stop in the middle of configuring', async () => {
    const server = startServer()
    server.send({ type: 'server.start' })
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(1)
  })

  it('where a stop comes in the middle of spawning: the process is awaited, and ended as any other', async () => {
    const server = startServer({}, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(10)
    expect(server.state()).toBe('spawning')
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    server.send({ type: 'server.stop' })
    await server.advance(10)
    expect(server.world.spawns).toBe(1)
    server.world.process.spawned()
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('SIGTERM', 'destroy')).toEqual(['SIGTERM'])
  })

  it('where a stop and a start come in the middle of spawning: the process serves on', async () => {
    const server = startServer({}, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(10)
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    server.world.process.spawned()
    server.world.process.listen()
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(1)
    expect(server.context()).toMatchObject({ ending: undefined, reason: undefined })
  })

  it('where a stop comes in the middle of spawning, and the process cannot be started', async () => {
    const server = startServer({}, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(10)
    server.send({ type: 'server.stop' })
    server.world.process.exit()
    await server.advance(60_000)
    expect(server.state()).toBe('idle')
    expect(server.world.spawns).toBe(1)
  })

  it.each(['silent', 'listens'] as const)(
    'where a stop and a start come in the middle of probing (%s)',
    async (spawn) => {
      const server = startServer({}, { spawn, probe: 'hangs', endsOn: 'secondTerm' })
      server.send({ type: 'server.start' })
      await server.advance(10)
      expect(server.state()).toBe('probing')
      server.send({ type: 'server.stop' })
      server.send({ type: 'server.start' })
      Object.assign(server.world.script, { spawn: 'listens', probe: 'ok' })
      await server.advance(499)
      expect(server.world.spawns).toBe(1)
      await server.advance(1)
      expect(server.state()).toBe('healthy')
      expect(server.world.spawns).toBe(2)
    },
  )

  it('where a stop comes in the middle of a cooldown: nothing more is spawned', async () => {
    const server = startServer({ backoffInitialMs: 1000 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    expect(server.actor.getSnapshot().matches({ reaping: 'coolingDown' })).toBe(true)
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(server.world.spawns).toBe(1)
  })

  it('where a start comes in the middle of a cooldown: it waits for its end like the others', async () => {
    const server = startServer({ backoffInitialMs: 1000 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.world.script.spawn = 'listens'
    server.send({ type: 'server.start' })
    await server.advance(600)
    expect(server.world.spawns).toBe(1)
    await server.advance(600)
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(2)
  })

  it('where a start comes in the middle of a stop: once, when the old one is gone, and no restart is counted', async () => {
    const server = startServer(
      { stopGraceMs: 2000, maxRestarts: 0 },
      { endsOn: 'SIGKILL', leftovers: [1, 1] },
    )
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(100)
    const caller = server.ensure()
    server.send({ type: 'server.start' })
    await server.advance(1999)
    expect(server.world.spawns).toBe(1)
    await server.advance(1)
    expect(caller.state).toBe('healthy')
    expect(server.world.spawns).toBe(2)
    expect(server.context().restarts).toBe(0)
    expect(server.states.slice(-5)).toEqual(['reaping', 'configuring', 'spawning', 'probing', 'healthy'])
  })

  it('where a stop, a start and a stop follow one another while it is reaped', async () => {
    const server = startServer({ stopGraceMs: 2000 }, { endsOn: 'SIGKILL' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.send({ type: 'server.stop' })
    await server.advance(60_000)
    expect(server.state()).toBe('idle')
    expect(server.world.spawns).toBe(1)
  })

  it('where the exit arrives in the middle of reaping', async () => {
    const server = startServer({}, { endsOn: 'nothing' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(700)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(2)
  })

  it('where a server that failed is stopped while it is reaped: it is not restarted', async () => {
    const server = startServer({ unhealthyThreshold: 1 }, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(5000)
    expect(server.state()).toBe('reaping')
    server.send({ type: 'server.stop' })
    await server.advance(60_000)
    expect(server.state()).toBe('idle')
    expect(server.world.spawns).toBe(1)
  })

  it('where a server that failed is stopped and started while it is reaped: that is no restart', async () => {
    const server = startServer({ unhealthyThreshold: 1, maxRestarts: 0 }, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(5000)
    server.world.script.probe = 'ok'
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(500)
    expect(server.state()).toBe('healthy')
    expect(server.context().restarts).toBe(0)
    expect(server.world.spawns).toBe(2)
  })

  it('where the last waiter leaves a start that had failed once, and another comes while it is reaped', async () => {
    const server = startServer({ maxRestarts: 1, backoffInitialMs: 50 }, { spawn: 'exits' })
    const first = server.ensure({ deadlineMs: 100 })
    await server.advance(30)
    Object.assign(server.world.script, { spawn: 'silent', endsOn: 'secondTerm' })
    await server.advance(70)
    expect(first.state).toBe('rejected')
    expect(server.state()).toBe('reaping')
    server.world.script.spawn = 'listens'
    const second = server.ensure()
    await server.advance(1000)
    expect(second.state).toBe('healthy')
    expect(server.world.spawns).toBe(3)
  })
})
