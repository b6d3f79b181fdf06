import { describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

describe('server.stop', () => {
  it('does nothing if no server runs', async () => {
    const server = startServer()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.log).toEqual([])
  })

  it('aborts and disposes, sends SIGTERM, sweeps, and becomes idle', async () => {
    const server = startServer()
    await server.beHealthy()
    server.work()
    server.world.log.length = 0
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('reaping')
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did()).toEqual(['stream closed', 'dispose', 'SIGTERM', 'sweep'])
    expect(server.context()).toMatchObject({
      pid: undefined,
      baseURL: undefined,
      error: undefined,
      reason: 'stopped',
      stops: 1,
    })
    await server.advance(600_000)
    expect(server.clock.pending).toBe(0)
    expect(server.world.spawns).toBe(1)
  })

  it('sends SIGTERM at once if no turn runs and the stream shows no working session', async () => {
    const server = startServer({}, { dispose: 'hangs' })
    await server.beHealthy()
    await server.answer(server.turn())
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('dispose', 'SIGTERM')).toEqual(['SIGTERM'])
  })

  it.each<[string, (server: TestServer) => unknown]>([
    ['a turn runs', (server) => server.turn().sessionId],
    ['another client prompted a session', (server) => server.work()],
    ['the stream was cut', ({ world }) => world.loseStream()],
    [
      'the stream was cut and reconnected',
      async ({ world, advance }) => {
        world.loseStream()
        await advance(5_000)
        expect(world.did('stream')).toHaveLength(2)
      },
    ],
    [
      'the stream was silent for longer than the interval of the heartbeats',
      async ({ world, advance }) => {
        world.script.heartbeats = false
        await advance(20_000)
      },
    ],
  ])('asks the server for its work first if %s', async (_, happens) => {
    const server = startServer()
    await server.beHealthy()
    await happens(server)
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('dispose', 'SIGTERM')).toEqual(['dispose', 'SIGTERM'])
  })

  it('limits the wait for a dispose request that hangs', async () => {
    const server = startServer({}, { dispose: 'hangs' })
    await server.beHealthy()
    server.work()
    server.send({ type: 'server.stop' })
    await server.advance(4999)
    expect(server.world.times('SIGTERM')).toEqual([])
    await server.advance(1)
    expect(server.state()).toBe('idle')
  })

  it('continues if dispose fails', async () => {
    const server = startServer({}, { dispose: 'fails' })
    await server.beHealthy()
    server.work()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
  })

  it('continues if the process exits during dispose', async () => {
    const server = startServer({}, { dispose: 'hangs' })
    await server.beHealthy()
    server.work()
    server.send({ type: 'server.stop' })
    await server.advance(100)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('SIGTERM', 'sweep')).toEqual(['sweep'])
  })

  it('sends no request to a server that was never healthy or does not answer', async () => {
    const server = startServer({}, { probe: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('dispose', 'SIGTERM')).toEqual(['SIGTERM'])
  })

  it('repeats SIGTERM every 500 ms, because the process may ignore the first signal', async () => {
    const server = startServer({}, { endsOn: 'secondTerm' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(499)
    expect(server.state()).toBe('reaping')
    await server.advance(1)
    expect(server.state()).toBe('idle')
    expect(server.world.times('SIGTERM')).toEqual([0, 500])
    expect(server.world.times('SIGKILL')).toEqual([])
  })

  it('sends SIGKILL after stopGraceMs, and no more SIGTERM', async () => {
    const server = startServer({ stopGraceMs: 1800 }, { endsOn: 'SIGKILL' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(1799)
    expect(server.context().pid).toBe(1001)
    expect(server.world.times('SIGTERM')).toEqual([0, 500, 1000, 1500])
    await server.advance(1)
    expect(server.state()).toBe('idle')
    expect(server.world.times('SIGKILL')).toEqual([1800])
  })

  it('sends SIGKILL at once after SIGTERM if stopGraceMs is 0', async () => {
    const server = startServer({ stopGraceMs: 0 }, { endsOn: 'SIGKILL' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.world.did('SIGTERM', 'SIGKILL')).toEqual(['SIGTERM', 'SIGKILL'])
  })

  it('repeats SIGKILL until the exit of the process is reported', async () => {
    const server = startServer({ stopGraceMs: 1000 }, { endsOn: 'nothing' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    server.send({ type: 'server.start' })
    await server.advance(60_000)
    expect(server.state()).toBe('reaping')
    expect(server.world.times('SIGKILL').length).toBeGreaterThan(100)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('healthy')
  })

  it('sweeps until no process is left', async () => {
    const server = startServer({}, { leftovers: [3, 2, 1] })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(149)
    expect(server.state()).toBe('reaping')
    expect(server.context()).toMatchObject({ pid: undefined, baseURL: undefined })
    await server.advance(1)
    expect(server.state()).toBe('idle')
    expect(server.world.times('sweep')).toEqual([0, 50, 100, 150])
  })

  it('repeats a failed sweep', async () => {
    const server = startServer({}, { leftovers: [new Error('no /proc'), 1] })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(100)
    expect(server.state()).toBe('idle')
    expect(server.world.times('sweep')).toEqual([0, 50, 100])
  })

  it.each([
    ['a process cannot be killed', 1],
    ['every sweep fails', new Error('no /proc')],
  ])('limits the number of sweeps if %s', async (_what, found) => {
    const server = startServer({}, { leftovers: new Array<number | Error>(1000).fill(found) })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(11_000)
    expect(server.state()).toBe('idle')
    expect(server.world.times('sweep')).toHaveLength(200)
  })

  it('has the whole number of sweeps for each process', async () => {
    const leftovers = [...new Array<number>(150).fill(1), 0, ...new Array<number>(150).fill(1), 0]
    const server = startServer({}, { leftovers })
    for (let i = 0; i < 2; i++) {
      await server.beHealthy()
      server.send({ type: 'server.stop' })
      await server.advance(11_000)
    }
    expect(server.world.script.leftovers).toEqual([])
  })

  it('without drainMs ends the server at once, also while turns run', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('reaping')
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
  })

  it('during probing reports that the server was stopped', async () => {
    const server = startServer({}, { spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect([server.state(), server.context().reason]).toEqual(['idle', 'stopped'])
  })

  it('in failed keeps the state failed and its error', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance()
    const { error } = server.context()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.context().error).toBe(error)
  })
})
