import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

/** The harness checks at the end of every test that two processes never ran at once. */
describe('The machine never runs two processes', () => {
  it('if many callers start the server at once, in every possible way', async () => {
    const server = startServer()
    const callers = [server.ensure(), server.ensure()]
    server.send({ type: 'server.start' })
    const turn = server.turn()
    await server.advance()
    expect(callers.map(({ state }) => state)).toEqual(['healthy', 'healthy'])
    expect(server.world.spawns).toBe(1)
    await server.answer(turn)
  })

  it('if a stop arrives during configuring: no process is spawned', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(server.world.spawns).toBe(0)
  })

  it('if a stop arrives during configuring for a turn: no process is spawned', async () => {
    const server = startServer()
    const turn = server.turn()
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
    expect(server.world.spawns).toBe(0)
  })

  it('if a start follows a stop during configuring', async () => {
    const server = startServer()
    server.send({ type: 'server.start' })
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(1)
  })

  it('if a stop arrives during spawning: the machine waits for the process, and ends it', async () => {
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

  it('if a stop and a start arrive during spawning: the process is kept', async () => {
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

  it('if a stop arrives during spawning, and the process cannot be started', async () => {
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
    'if a stop and a start arrive during probing (%s)',
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

  it('if a stop arrives during a cooldown: no further process is spawned', async () => {
    const server = startServer({ backoffInitialMs: 1000 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    expect(server.actor.getSnapshot().matches({ reaping: 'coolingDown' })).toBe(true)
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('idle')
    await server.advance(60_000)
    expect(server.world.spawns).toBe(1)
  })

  it('if a start arrives during a cooldown: the start waits for the end of the cooldown', async () => {
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

  it('if a start arrives during a stop: one process is spawned after the old process ended, and no restart is counted', async () => {
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

  it('if a stop, a start and a stop arrive during reaping', async () => {
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

  it('if the exit arrives during reaping', async () => {
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

  it('if a failed server is stopped during reaping: the server is not restarted', async () => {
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

  it('if a failed server is stopped and started during reaping: no restart is counted', async () => {
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

  it('if the last waiting caller leaves a start that failed once, and another caller arrives during reaping', async () => {
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
