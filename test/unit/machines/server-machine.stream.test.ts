import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

describe('The event stream', () => {
  it('is open once while the server is healthy', async () => {
    const server = startServer()
    expect(server.world.did('stream')).toEqual([])
    await server.beHealthy()
    await server.advance(600_000)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
    server.send({ type: 'server.stop' })
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream', 'stream closed'])
  })

  it('is reopened after a loss, and the server stays healthy', async () => {
    const server = startServer()
    await server.beHealthy()
    server.world.loseStream()
    await server.advance(150)
    expect(server.world.times('stream')).toHaveLength(2)
    expect(server.states.at(-1)).toBe('healthy')
    expect(server.world.spawns).toBe(1)
  })

  it('waits longer before each retry, up to 5 s, and starts with the short wait again after a success', async () => {
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
    expect(server.context().streamAttempts).toBe(0)
  })

  it('starts with the short wait again for another process', async () => {
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

  it('is reopened if no frame arrived for 30 s', async () => {
    const server = startServer({}, { heartbeats: false })
    await server.beHealthy()
    await server.advance(29_999)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream'])
    await server.advance(151)
    expect(server.world.did('stream', 'stream closed')).toEqual(['stream', 'stream closed', 'stream'])
    expect(server.state()).toBe('healthy')
  })

  it('measures its silence from the last frame, not from its opening', async () => {
    const server = startServer({}, { heartbeats: false })
    await server.beHealthy()
    await server.advance(29_000)
    server.world.router?.receive({ type: 'server.heartbeat', properties: {} })
    await server.advance(29_999)
    expect(server.world.did('stream closed')).toEqual([])
    await server.advance(1)
    expect(server.world.did('stream closed')).toEqual(['stream closed'])
  })

  it('has 30 s to open, also after a long silence', async () => {
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

  it('is retried if it does not open within 30 s', async () => {
    const server = startServer({}, { stream: 'pending' })
    await server.beHealthy()
    await server.advance(91_100)
    expect(server.world.times('stream')).toHaveLength(4)
  })

  it('is awaited by a turn, also after a failed first try; the session is created meanwhile', async () => {
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

  it('does not end a running turn when it is cut; the turn resyncs and continues', async () => {
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
