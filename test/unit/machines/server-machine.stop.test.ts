import { describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

describe('server.stop', () => {
  it('does nothing where nothing runs', async () => {
    const server = startServer()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.log).toEqual([])
  })

  it('disposes of work, then sends SIGTERM, then sweeps, and is idle', async () => {
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

  it('sends SIGTERM at once where nothing works: no turn, and no session that the stream tells of', async () => {
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
    ['a session works that nobody here prompted', (server) => server.work()],
    ['its stream was cut', ({ world }) => world.loseStream()],
    [
      'its stream was cut, and is up again',
      async ({ world, advance }) => {
        world.loseStream()
        await advance(5_000)
        expect(world.did('stream')).toHaveLength(2)
      },
    ],
    [
      'its stream has been silent for longer than heartbeats are apart',
      async ({ world, advance }) => {
        world.script.heartbeats = false
        await advance(20_000)
      },
    ],
  ])('asks for work where %s', async (_, happens) => {
    const server = startServer()
    await server.beHealthy()
    await happens(server)
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('dispose', 'SIGTERM')).toEqual(['dispose', 'SIGTERM'])
  })

  it('does not wait long for a dispose that hangs', async () => {
    const server = startServer({}, { dispose: 'hangs' })
    await server.beHealthy()
    server.work()
    server.send({ type: 'server.stop' })
    await server.advance(4999)
    expect(server.world.times('SIGTERM')).toEqual([])
    await server.advance(1)
    expect(server.state()).toBe('idle')
  })

  it('goes on where dispose fails', async () => {
    const server = startServer({}, { dispose: 'fails' })
    await server.beHealthy()
    server.work()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
  })

  it('goes on where the process exits while it is disposed of', async () => {
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

  it('asks a server that never was healthy, or does not answer, for nothing more', async () => {
    const server = startServer({}, { probe: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(100)
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(server.world.did('dispose', 'SIGTERM')).toEqual(['SIGTERM'])
  })

  it('repeats SIGTERM every 500 ms, since one may be swallowed', async () => {
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

  it('sends SIGKILL at once after SIGTERM where stopGraceMs is 0', async () => {
    const server = startServer({ stopGraceMs: 0 }, { endsOn: 'SIGKILL' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.world.did('SIGTERM', 'SIGKILL')).toEqual(['SIGTERM', 'SIGKILL'])
  })

  it('never takes a process for gone that does not say so: SIGKILL is repeated', async () => {
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

  it('sweeps until nothing is left', async () => {
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

  it('sweeps again where a sweep fails', async () => {
    const server = startServer({}, { leftovers: [new Error('no /proc'), 1] })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(100)
    expect(server.state()).toBe('idle')
    expect(server.world.times('sweep')).toEqual([0, 50, 100])
  })

  it.each([
    ['what cannot be killed', 1],
    ['where no sweep succeeds', new Error('no /proc')],
  ])('does not sweep for ever %s', async (_what, found) => {
    const server = startServer({}, { leftovers: new Array<number | Error>(1000).fill(found) })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(11_000)
    expect(server.state()).toBe('idle')
    expect(server.world.times('sweep')).toHaveLength(200)
  })

  it('sweeps after each process as long as it may', async () => {
    const leftovers = [...new Array<number>(150).fill(1), 0, ...new Array<number>(150).fill(1), 0]
    const server = startServer({}, { leftovers })
    for (let i = 0; i < 2; i++) {
      await server.beHealthy()
      server.send({ type: 'server.stop' })
      await server.advance(11_000)
    }
    expect(server.world.script.leftovers).toEqual([])
  })

  it('without drainMs ends the server at once, whatever runs', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    server.send({ type: 'server.stop' })
    expect(server.state()).toBe('reaping')
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
  })

  it('in the middle of probing says that it was stopped', async () => {
    const server = startServer({}, { spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect([server.state(), server.context().reason]).toEqual(['idle', 'stopped'])
  })

  it('in failed leaves it failed, with its error', async () => {
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
