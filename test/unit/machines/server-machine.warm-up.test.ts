import { describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

/** Returns the state of the warm-up of a healthy server. */
const warmUpState = ({ actor }: TestServer): string | undefined => {
  const { value } = actor.getSnapshot()
  return typeof value === 'object' && 'healthy' in value ? value.healthy.warmUp : undefined
}

describe('The warm-up', () => {
  it('begins once, when the server is healthy, whatever the health checks and the stream do', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    expect(server.world.did('warm-up')).toEqual([])
    await server.beHealthy()
    expect(warmUpState(server)).toBe('running')
    server.world.loseStream()
    server.world.script.probe = 'fails'
    await server.advance(12_000)
    expect(server.world.did('warm-up', 'warm-up aborted')).toEqual(['warm-up'])
  })

  it('is not repeated after it is done', async () => {
    const server = startServer()
    await server.beHealthy()
    expect(warmUpState(server)).toBe('done')
    await server.advance(600_000)
    expect(server.world.did('warm-up')).toEqual(['warm-up'])
  })

  it('is skipped if warmUp is false', async () => {
    const server = startServer({ warmUp: false })
    await server.beHealthy()
    await server.advance(60_000)
    expect(server.world.did('warm-up')).toEqual([])
    expect(warmUpState(server)).toBe('done')
  })

  it('is skipped if a turn waits for the server, because the turn loads everything itself', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    expect(server.state()).toBe('healthy')
    await server.answer(turn)
    await server.advance(60_000)
    expect(server.world.did('warm-up')).toEqual([])
  })

  it('does not affect the server when it fails: the server stays healthy and accepts turns', async () => {
    const server = startServer({ maxRestarts: 0 }, { warmUp: 'fails' })
    await server.beHealthy()
    expect(warmUpState(server)).toBe('done')
    await server.advance(60_000)
    expect(server.context()).toMatchObject({ restarts: 0, ending: undefined, error: undefined, failures: 0 })
    const turn = server.turn()
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
    expect(server.world.did('warm-up')).toEqual(['warm-up'])
  })

  it('times out after 30 s', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    await server.beHealthy()
    await server.advance(29_999)
    expect(warmUpState(server)).toBe('running')
    expect(server.world.did('warm-up aborted')).toEqual([])
    await server.advance(1)
    expect(warmUpState(server)).toBe('done')
    expect(server.world.did('warm-up', 'warm-up aborted')).toEqual(['warm-up', 'warm-up aborted'])
    expect(server.state()).toBe('healthy')
  })

  it('delays neither callers of ensureRunning nor turns', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    const start = server.ensure()
    await server.advance()
    expect(start.state).toBe('healthy')
    const turn = server.turn()
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(1)
    await server.answer(turn)
    expect(warmUpState(server)).toBe('running')
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
  })

  it('ends when the server is stopped, and does not delay the stop', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    expect(server.world.did('warm-up aborted')).toEqual(['warm-up aborted'])
    await server.advance()
    expect(server.state()).toBe('idle')
    await server.advance(600_000)
    expect(server.clock.pending).toBe(0)
  })

  it('ends when the process exits, and the next process is warmed up too', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    await server.beHealthy()
    server.world.script.warmUp = 'ok'
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('healthy')
    expect(server.world.did('warm-up', 'warm-up aborted')).toEqual(['warm-up', 'warm-up aborted', 'warm-up'])
    expect(warmUpState(server)).toBe('done')
  })

  it('ends when the actor is stopped from outside', async () => {
    const server = startServer({}, { warmUp: 'hangs' })
    await server.beHealthy()
    server.actor.stop()
    await server.advance()
    expect(server.world.did('warm-up aborted')).toEqual(['warm-up aborted'])
    expect(server.clock.pending).toBe(0)
  })
})
