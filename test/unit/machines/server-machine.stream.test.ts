import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

describe('the event stream', () => {
  it('is open while the server is healthy, once', async () => {
    const server = startServer()
    expect(server.world.did('stream')).toEqual([])
    await server.beHealthy()
    await server.advance(600_000)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
    server.send({ type: 'server.stop' })
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream', 'stream closed'])
  })

  it('is opened again where it is lost, and the server stays healthy', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.loseStream()
    await server.advance(150)
    expect(server.world.times('stream')).toHaveLength(2)
    expect(server.states.at(-1)).toBe('healthy')
    expect(server.world.spawns).toBe(1)
  })

  it('waits longer before each try that fails, up to 5 s, and little again after a success', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.script.stream = 'pending'
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      const lostAt = server.clock.now()
      const tries = server.world.times('stream').length
      server.world.loseStream()
      while (server.world.times('stream').length === tries) await server.advance(10)
      waits.push((server.world.times('stream').at(-1) ?? 0) - lostAt)
    }
    waits.forEach((wait, i) => {
      const middle = Math.min(5000, 100 * 2 ** i)
      expect(wait).toBeGreaterThanOrEqual(middle * 0.5 - 1)
      expect(wait).toBeLessThanOrEqual(middle * 1.5 + 1)
    })
    server.world.openStream()
    server.world.script.stream = 'opens'
    server.world.loseStream()
    await server.advance(151)
    expect(server.context().streamTries).toBe(0)
  })

  it('waits little again for the stream of another process', async () => {
    const server = startServer({}, { stream: 'pending' })
    await server.beHealthy()
    for (let i = 0; i < 8; i++) {
      server.world.loseStream()
      await server.advance(7501)
    }
    server.world.process.exit()
    await server.advance()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => void vi.restoreAllMocks())
    const tries = server.world.times('stream').length
    server.world.loseStream()
    await server.advance(101)
    expect(server.world.times('stream')).toHaveLength(tries + 1)
  })

  it('is opened again where no frame came for 30 s', async () => {
    const server = startServer({}, { heartbeats: false })
    await server.beHealthy()
    await server.advance(29_999)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
    await server.advance(151)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream', 'stream closed', 'stream'])
    expect(server.state()).toBe('healthy')
  })

  it('counts its silence from the last frame, not from its beginning', async () => {
    const server = startServer({}, { heartbeats: false })
    await server.beHealthy()
    await server.advance(29_000)
    server.world.router?.receive({ type: 'server.heartbeat', properties: {} })
    await server.advance(29_999)
    expect(server.world.did('stream closed')).toEqual([])
    await server.advance(1)
    expect(server.world.did('stream closed')).toEqual(['stream closed'])
  })

  it('is given 30 s to open, however long there was silence before', async () => {
    const server = startServer({ startTimeoutMs: 120_000 }, { spawn: 'silent', stream: 'pending' })
    server.send({ type: 'server.start' })
    await server.advance(100_000)
    server.world.process.listen()
    await server.advance(29_999)
    expect(server.state()).toBe('healthy')
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
    server.world.openStream()
    await server.advance(29_999)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
  })

  it('is tried again where it does not open within 30 s', async () => {
    const server = startServer({}, { stream: 'pending' })
    await server.beHealthy()
    await server.advance(91_100)
    expect(server.world.times('stream')).toHaveLength(4)
  })

  it('is awaited by a turn, also where its first try is lost: its session is made meanwhile', async () => {
    const server = startServer({}, { stream: 'pending' })
    const turn = server.turn()
    await server.advance()
    server.world.loseStream()
    await server.advance(1000)
    expect(server.world.client.sessions).toHaveLength(1)
    expect(server.world.client.prompts).toEqual([])
    server.world.openStream()
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(1)
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('that was cut leaves a running turn alone: it asks for what it missed and goes on', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    server.world.loseStream()
    await server.advance(1000)
    expect(turn.replies).toEqual([])
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
  })
})
