import { TurnQueue } from '../../../src/machines/turn-queue.ts'
import { describe, expect, it } from 'vitest'
import { BinaryNotFoundError, ServerExitedError, StartTimeoutError } from '../../../src/errors.ts'
import { startServer } from '../../support/machine-harness.ts'

describe('A server before the start', () => {
  it('has its options and the initial values', () => {
    const server = startServer()
    expect(server.context()).toEqual({
      options: server.options,
      runtime: server.context().runtime,
      calls: [],
      isPassivated: false,
      permitted: [],
      ...{
        wanted: false,
        leases: [],
        waiting: TurnQueue.empty,
        running: [],
        leaving: [],
        stops: 0,
        drainMs: 0,
      },
      ...{
        restarts: 0,
        restartTimes: [],
        now: 0,
        stageStartedAt: 0,
        probeStartedAt: 0,
        isLastAttempt: false,
        cooldowns: 0,
      },
      ...{
        wasHealthy: false,
        failures: 0,
        memoryReadings: 0,
        spawnsOverLimit: 0,
        streamAttempts: 0,
        sweeps: 0,
      },
    })
  })
})

describe('A starting server', () => {
  it('does nothing until a start is requested', async () => {
    const server = startServer()
    await server.advance(600_000)
    expect(server.state()).toBe('idle')
    expect(server.world.log).toEqual([])
    expect(server.clock.pending).toBe(0)
  })

  it('prepares, spawns, probes, becomes healthy and warms up', async () => {
    const server = startServer()
    server.send({ type: 'server.start' })
    expect(server.state()).toBe('configuring')
    expect(server.context()).toMatchObject({ wanted: true, leases: [] })
    await server.advance()
    expect(server.states).toEqual(['idle', 'configuring', 'spawning', 'probing', 'healthy'])
    expect(server.world.did()).toEqual(['prepare', 'spawn', 'probe with config', 'stream', 'warm-up'])
    expect(server.context()).toMatchObject({ pid: 1001, baseURL: 'http://127.0.0.1:4096', restarts: 0 })
  })

  it('starts once for many start events', async () => {
    const server = startServer()
    for (let i = 0; i < 5; i++) server.send({ type: 'server.start' })
    await server.advance()
    server.send({ type: 'server.start' })
    await server.advance(1000)
    expect(server.world.spawns).toBe(1)
  })

  it('sends no request before its own process reports that it listens', async () => {
    const server = startServer({}, { spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance(59_000)
    expect(server.state()).toBe('probing')
    expect(server.world.did()).toEqual(['prepare', 'spawn'])
    server.world.process.listen()
    await server.advance()
    expect(server.state()).toBe('healthy')
  })

  it('probes every probeIntervalMs until a probe succeeds', async () => {
    const server = startServer({ probeIntervalMs: 50 }, { probe: 'fails' })
    server.send({ type: 'server.start' })
    await server.advance(170)
    expect(server.world.times('probe with config')).toEqual([0, 50, 100, 150])
    server.world.script.probe = 'ok'
    await server.advance(50)
    expect(server.state()).toBe('healthy')
  })

  it('aborts each probe at its time limit', async () => {
    const server = startServer({ probeIntervalMs: 50, probeTimeoutMs: 2000 }, { probe: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(2000)
    expect(server.world.times('probe aborted')).toEqual([2000])
    server.world.script.probe = 'ok'
    await server.advance(50)
    expect(server.world.times('probe with config')).toEqual([0, 2050])
    expect(server.state()).toBe('healthy')
  })

  it('reads the config while it starts, and only the health when it is healthy', async () => {
    const server = startServer({ healthIntervalMs: 5000 })
    await server.beHealthy()
    await server.advance(10_000)
    expect(server.world.times('probe with config')).toEqual([0])
    expect(server.world.times('probe')).toEqual([5000, 10_000])
  })
})

describe('A failed start', () => {
  it('leads to failed at once if the preparation fails', async () => {
    const error = new BinaryNotFoundError('no opencode')
    const server = startServer({}, { prepare: error })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.states).toEqual(['idle', 'configuring', 'failed'])
    expect(server.context().error).toBe(error)
    expect(server.world.spawns).toBe(0)
    await server.advance(600_000)
    expect(server.world.did()).toEqual(['prepare'])
  })

  it('wraps an error that is not from this package', async () => {
    const server = startServer({}, { prepare: new TypeError('boom') })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.context().error).toMatchObject({
      code: 'ERR_OPENCODE_RUNTIME',
      message: 'The server could not be prepared: boom',
    })
    expect(server.context().reason).toBe('preparation failed')
  })

  it('is reported at once if the process cannot be started', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'cannotStart' })
    server.send({ type: 'server.start' })
    await server.advance()
    expect(server.states).toEqual(['idle', 'configuring', 'spawning', 'reaping', 'failed'])
    expect(server.clock.now()).toBe(0)
    expect(server.context().error).toBeInstanceOf(ServerExitedError)
  })

  it('is reported at once if the process exits before it listens', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance(10)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.context()).toMatchObject({ reason: 'exited', pid: undefined, baseURL: undefined })
  })

  it('is reported at once if the process exits during a probe', async () => {
    const server = startServer({ maxRestarts: 0 }, { probe: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(10)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.world.times('probe aborted')).toEqual([10])
  })

  it('is reported at startTimeoutMs if the process never reports that it listens', async () => {
    const server = startServer({ startTimeoutMs: 3000, maxRestarts: 0 }, { spawn: 'silent' })
    server.send({ type: 'server.start' })
    await server.advance(2999)
    expect(server.state()).toBe('probing')
    await server.advance(1)
    expect(server.state()).toBe('failed')
    expect(server.world.alive.size).toBe(0)
    expect(server.context().error).toBeInstanceOf(StartTimeoutError)
    expect(server.context().reason).toBe('start timed out')
    expect(server.context().error?.message).toMatch(/3000 ms: it never reported that it listens/)
  })

  it('is reported at startTimeoutMs with the last error if no probe succeeds', async () => {
    const server = startServer({ startTimeoutMs: 3000, maxRestarts: 0 }, { probe: 'fails' })
    server.send({ type: 'server.start' })
    await server.advance(3000)
    expect(server.state()).toBe('failed')
    expect(server.context().error?.message).toMatch(/the last probe failed: the probe with config failed/)
  })

  it('is reported with its reason if no probe is answered', async () => {
    const limits = { startTimeoutMs: 3000, probeTimeoutMs: 1000, maxRestarts: 0 }
    const server = startServer(limits, { probe: 'hangs' })
    server.send({ type: 'server.start' })
    await server.advance(3000)
    expect(server.context().error?.message).toMatch(/3000 ms: the last probe failed: the probe timed out/)
  })

  it('is reported with the error of its own process, not of an earlier process', async () => {
    const limits = { startTimeoutMs: 3000, maxRestarts: 1, backoffInitialMs: 10 }
    const server = startServer(limits, { probe: 'fails' })
    server.send({ type: 'server.start' })
    await server.advance(2999)
    server.world.script.spawn = 'silent'
    await server.advance(3100)
    expect(server.state()).toBe('failed')
    expect(server.context().error?.message).toMatch(/the last time: .* it never reported that it listens/)
  })

  it('is reported at startTimeoutMs if the process neither starts nor fails', async () => {
    const server = startServer({ startTimeoutMs: 3000, maxRestarts: 0 }, { spawn: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(3000)
    expect(server.state()).toBe('failed')
    expect(server.world.alive.size).toBe(0)
    expect(server.context()).toMatchObject({ pid: undefined, baseURL: undefined })
  })
})

describe('A healthy server whose process exits', () => {
  it('is restarted at once', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.process.exit('segfault')
    expect(server.state()).toBe('reaping')
    expect(server.context()).toMatchObject({ pid: undefined, baseURL: undefined, reason: 'exited' })
    server.world.script.spawn = 'silent'
    await server.advance()
    expect(server.state()).toBe('probing')
    expect(server.context()).toMatchObject({ pid: 1002, version: undefined, reason: 'exited' })
    server.world.process.listen()
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.context()).toMatchObject({ pid: 1002, restarts: 1, version: '1.18.33', error: undefined })
    expect(server.world.times('SIGTERM')).toEqual([])
  })
})
