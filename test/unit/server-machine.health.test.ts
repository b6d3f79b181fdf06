import { describe, expect, it } from 'vitest'
import { startServer } from '../support/machine-harness.ts'

const fast = { healthIntervalMs: 1000, unhealthyThreshold: 3, busyGraceMs: 20_000, probeTimeoutMs: 500 }

describe('a healthy server that is asked for its health', () => {
  it('is dead or busy, not wedged, below the threshold', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(2999)
    expect(server.state()).toBe('healthy')
    expect(server.context().failures).toBe(2)
  })

  it('is wedged where unhealthyThreshold probes in a row fail: reaped, and started again', async () => {
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
      /3 probes in a row failed, the last one because the probe failed/,
    )
  })

  it('counts anew for the next process', async () => {
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

  it('is not asked to dispose of anything where it is wedged, but gets SIGTERM', async () => {
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
    [', also where its memory is weighed', { memoryLimitMb: 600 }],
  ])('forgets its failures with the first success in between%s', async (_also, more) => {
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

  it('fails a probe that gets no answer in time, and one at a time is asked', async () => {
    const server = startServer(fast)
    await server.beHealthy()
    server.world.script.probe = 'hangs'
    await server.advance(4499)
    expect(server.world.times('probe')).toEqual([1000, 2500, 4000])
    expect(server.state()).toBe('healthy')
    await server.advance(1)
    expect(server.context()).toMatchObject({ reason: 'wedged', restarts: 1 })
    expect(server.context().error?.message).toMatch(/the last one because the probe got no answer in time/)
  })

  it('with a running turn is busy, not wedged, while frames come', async () => {
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

  it('with a running turn is wedged where its stream was silent for busyGraceMs, too', async () => {
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

  it('with a running turn and a silent stream is not wedged while it answers', async () => {
    const server = startServer(fast, { heartbeats: false })
    const turn = server.turn()
    await server.advance(200_000)
    expect(server.world.spawns).toBe(1)
    expect(turn.replies).toEqual([])
    turn.cancel()
    await server.advance()
  })

  it('is judged without a running turn as soon as the last one has ended', async () => {
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

  it('is known to be dead at once, whatever the probes say', async () => {
    const server = startServer(fast, {})
    await server.beHealthy()
    server.world.script.probe = 'hangs'
    await server.advance(1200)
    server.world.process.exit()
    expect(server.state()).toBe('reaping')
    expect(server.context().reason).toBe('exited')
  })
})
