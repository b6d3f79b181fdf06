import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

const idleTimeoutMs = 60_000

describe('idleTimeoutMs', () => {
  it('stops a server without turns, with the reason that the server was idle', async () => {
    const server = startServer({ idleTimeoutMs })
    await server.beHealthy()
    await server.advance(idleTimeoutMs - 1)
    expect(server.state()).toBe('healthy')
    await server.advance(1)
    expect(server.state()).toBe('idle')
    expect(server.context()).toMatchObject({ reason: 'idle', restarts: 0, error: undefined })
    expect(server.world.alive.size).toBe(0)
  })

  it('does not stop the server if it is 0', async () => {
    const server = startServer()
    await server.beHealthy()
    await server.advance(3_600_000)
    expect(server.state()).toBe('healthy')
  })

  it('counts from the end of the last turn', async () => {
    const server = startServer({ idleTimeoutMs, turnStallMs: 10 * idleTimeoutMs })
    const turn = server.turn()
    await server.advance(2 * idleTimeoutMs)
    expect(server.state()).toBe('healthy')
    await server.answer(turn)
    await server.advance(idleTimeoutMs - 1)
    expect(server.state()).toBe('healthy')
    await server.advance(1)
    expect(server.state()).toBe('idle')
  })

  it('does not stop the server while a turn waits for another turn of its session', async () => {
    const server = startServer({ idleTimeoutMs, maxConcurrentTurns: 1, turnStallMs: 10 * idleTimeoutMs })
    const [first, second] = [server.turn(), server.turn()]
    await server.advance(2 * idleTimeoutMs)
    await server.answer(first)
    await server.advance(2 * idleTimeoutMs)
    expect(server.state()).toBe('healthy')
    await server.answer(second)
    expect([first, second].map(({ replies }) => replies.at(-1)?.kind)).toEqual(['final', 'final'])
    expect(server.world.spawns).toBe(1)
  })

  it('restarts when a caller asks for the server', async () => {
    const server = startServer({ idleTimeoutMs })
    await server.beHealthy()
    await server.advance(idleTimeoutMs - 1)
    expect(server.ensure().state).toBe('pending')
    await server.advance(idleTimeoutMs - 1)
    expect(server.state()).toBe('healthy')
    await server.advance(1)
    expect(server.state()).toBe('idle')
  })

  it('lets the next turn restart the server, also a turn that arrives during the stop', async () => {
    const server = startServer({ idleTimeoutMs }, { endsOn: 'SIGKILL' })
    await server.beHealthy()
    await server.advance(idleTimeoutMs)
    expect(server.state()).toBe('reaping')
    expect(server.context()).toMatchObject({ ending: 'stop', reason: 'idle' })
    const turn = server.turn()
    await server.advance(6_000)
    expect(server.state()).toBe('healthy')
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
    await server.advance(idleTimeoutMs)
    expect(server.states.slice(-2)).toEqual(['healthy', 'reaping'])
  })
})
