import { describe, expect, it } from 'vitest'
import { HostFaultError, OpenCodeRuntimeError, StartTimeoutError } from '../../../src/errors.ts'
import { startServer } from '../../support/machine-harness.ts'

const fast = { healthIntervalMs: 1000, unhealthyThreshold: 3, busyGraceMs: 20_000, probeTimeoutMs: 500 }

describe('A healthy server with failed probes', () => {
  it('is not wedged below unhealthyThreshold', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(2999)
    expect(server.state()).toBe('healthy')
    expect(server.context().failures).toBe(2)
  })

  it('is wedged, reaped and restarted after unhealthyThreshold consecutive failures', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(2999)
    server.world.script.probe = 'ok'
    await server.advance(1000)
    expect(server.context().failures).toBe(0)

    server.world.script.probe = 'fails'
    await server.advance(3000)
    expect(server.state()).toBe('probing')
    expect(server.context()).toMatchObject({ reason: 'wedged', restarts: 1 })
    expect(server.context().error?.message).toMatch(
      /3 consecutive probes failed, the last probe with: the probe failed/,
    )
  })

  it('resets the count of failures for the next process', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(3000)
    server.world.script.probe = 'ok'
    await server.advance(1000)
    server.world.script.probe = 'fails'
    await server.advance(1000)
    expect(server.state()).toBe('healthy')
    expect(server.context()).toMatchObject({ failures: 1, restarts: 1 })
  })

  it('gets SIGTERM without a dispose request when it is wedged', async () => {
    const server = startServer({ ...fast, maxRestarts: 0 })
    await server.beHealthy()
    server.work()
    server.world.script.probe = 'fails'
    await server.advance(3000)
    expect(server.state()).toBe('failed')
    expect(server.world.did('dispose', 'SIGTERM', 'SIGKILL')).toEqual(['SIGTERM'])
  })

  it.each([
    ['', {}],
    [', also with a memory limit', { memoryLimitMb: 600 }],
  ])('resets the count of failures on the first success%s', async (_also, more) => {
    const server = startServer({ ...fast, ...more })
    await server.beHealthy()
    for (let i = 0; i < 10; i++) {
      server.world.script.probe = 'fails'
      await server.advance(2000)
      server.world.script.probe = 'ok'
      await server.advance(1000)
      expect(server.context().failures).toBe(0)
    }
    expect(server.world.spawns).toBe(1)
  })

  it('fails a probe at its time limit, and runs one probe at a time', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'hangs'
    await server.advance(4499)
    expect(server.world.times('probe')).toEqual([1000, 2500, 4000])
    expect(server.state()).toBe('healthy')
    await server.advance(1)
    expect(server.context()).toMatchObject({ reason: 'wedged', restarts: 1 })
    expect(server.context().error?.message).toMatch(/the last probe with: the probe timed out/)
  })

  it('is busy, not wedged, while a turn runs and frames arrive', async () => {
    const server = startServer(fast)
    const turn = server.turn()
    await server.advance()
    server.world.script.probe = 'fails'
    await server.advance(60_000)
    expect(server.state()).toBe('healthy')
    expect(server.context().failures).toBeGreaterThan(50)
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('is wedged while a turn runs if its stream was also silent for busyGraceMs', async () => {
    const server = startServer(fast, { heartbeats: false })
    const turn = server.turn()
    await server.advance()
    server.world.script.probe = 'fails'
    await server.advance(19_999)
    expect(server.state()).toBe('healthy')
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(server.context()).toMatchObject({ reason: 'wedged', restarts: 1 })
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'server_died', retryable: true }])
  })

  it('is not wedged while a turn runs and the stream is silent, if it answers probes', async () => {
    const server = startServer(fast, { heartbeats: false })
    const turn = server.turn()
    await server.advance(200_000)
    expect(server.world.spawns).toBe(1)
    expect(turn.replies).toEqual([])
    turn.cancel()
    await server.advance()
  })

  it('is wedged as soon as the last turn has ended, if the threshold was reached', async () => {
    const server = startServer(fast)
    const turn = server.turn()
    await server.advance()
    server.world.script.probe = 'fails'
    await server.advance(10_500)
    await server.answer(turn)
    expect(server.state()).toBe('healthy')
    await server.advance(500)
    expect(server.context().reason).toBe('wedged')
  })

  it('is dead as soon as its process exits, whatever the probes report', async () => {
    const server = startServer(fast, {})
    await server.beHealthy()
    server.world.script.probe = 'hangs'
    await server.advance(1200)
    server.world.process.exit()
    expect(server.state()).toBe('reaping')
    expect(server.context().reason).toBe('exited')
  })
})

describe('A probe that fails for a reason outside the server', () => {
  const defect = new OpenCodeRuntimeError(
    'The health probe failed because of an internal error: no module undici',
  )
  const shortage = new HostFaultError('The server could not be probed (EMFILE)', { errno: 'EMFILE' })

  it.each([
    ['a defect', defect],
    ['a shortage of the host', shortage],
  ])('because of %s is reported and not counted while the server is healthy', async (_what, error) => {
    const server = startServer({ ...fast, unhealthyThreshold: 1 })
    await server.beHealthy()
    server.world.script.probe = error
    await server.advance(5000)
    expect(server.state()).toBe('healthy')
    expect(server.context()).toMatchObject({ failures: 0, reason: `health unknown: ${error.message}` })
    server.world.script.probe = 'ok'
    await server.advance(1000)
    expect(server.context().reason).toBeUndefined()
    expect(server.world.spawns).toBe(1)
  })

  it('because of a defect ends a start at once, because another process would fail too', async () => {
    const server = startServer(fast, { probe: defect })
    const waiter = server.ensure()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(waiter.error).toBe(defect)
    expect(server.world.spawns).toBe(1)
    expect(server.context().reason).toBe('probe failed (internal error)')
  })

  it('because of a shortage of the host is repeated while the server starts', async () => {
    const server = startServer(fast, { probe: shortage })
    server.send({ type: 'server.start' })
    await server.advance(1000)
    server.world.script.probe = 'ok'
    await server.advance(1000)
    expect([server.state(), server.world.spawns]).toEqual(['healthy', 1])
  })
})

describe('A host that is suspended during a probe', () => {
  it('restarts the time limit of the probe, and does not count the probe as failed', async () => {
    const server = startServer({ ...fast, unhealthyThreshold: 1 })
    await server.beHealthy()
    server.world.script.probe = 'hangs'
    await server.advance(1100)
    expect(server.world.times('probe')).toEqual([1000])
    // A suspension of one minute: only the clock advances.
    server.clock.set(server.clock.now() + 60_000)
    await server.advance(fast.probeTimeoutMs - 1)
    expect([server.state(), server.context().failures]).toEqual(['healthy', 0])
    // The server is still silent; now the probe counts as failed.
    await server.advance(1)
    expect(server.context()).toMatchObject({ reason: 'wedged' })
  })

  it('accepts the answer that arrives afterwards', async () => {
    const server = startServer({ ...fast, unhealthyThreshold: 1 })
    await server.beHealthy()
    server.world.script.probe = 'pending'
    await server.advance(1100)
    server.clock.set(server.clock.now() + 60_000)
    server.world.answerProbe()
    await server.advance(fast.probeTimeoutMs * 2)
    expect([server.state(), server.world.spawns, server.context().failures]).toEqual(['healthy', 1, 0])
  })
})

describe('A host that is suspended during a start', () => {
  const limits = { ...fast, startTimeoutMs: 10_000 }

  it('extends the start by the time of one probe, so that callers get their answer', async () => {
    const server = startServer(limits, { spawn: 'silent' })
    const waiter = server.ensure({ deadlineMs: 20_000 })
    await server.advance(1_000)
    server.clock.set(server.clock.now() + 60_000)
    server.world.process.listen()
    await server.advance()
    expect(waiter.state).toBe('healthy')
    expect(server.world.spawns).toBe(1)
    await server.advance(20_000)
    expect(server.state()).toBe('healthy')
  })

  it('ends the start afterwards if no answer arrives', async () => {
    const server = startServer({ ...limits, maxRestarts: 0 }, { spawn: 'silent' })
    const waiter = server.ensure({ deadlineMs: 100_000 })
    await server.advance(1_000)
    server.clock.set(server.clock.now() + 60_000)
    await server.advance(fast.probeTimeoutMs - 1)
    expect(server.state()).toBe('probing')
    await server.advance(1)
    expect(waiter.error).toBeInstanceOf(StartTimeoutError)
  })
})
