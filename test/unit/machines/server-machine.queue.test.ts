import { describe, expect, it } from 'vitest'
import { startServer, turnIdsOf } from '../../support/machine-harness.ts'

const childrenOf = (server: ReturnType<typeof startServer>) =>
  Object.keys(server.actor.getSnapshot().children).filter((id) => id.startsWith('turn:'))

describe('a waiting turn', () => {
  it('is no actor, and has no timer of its own', async () => {
    const server = startServer({ maxConcurrentTurns: 2, maxQueuedTurns: 100 }, { heartbeats: false })
    await server.beHealthy()
    const timers = server.clock.pending
    for (let i = 0; i < 50; i++) server.turn({ text: 'x', deadlineMs: 1_000 + i })
    await server.advance()
    expect(childrenOf(server)).toHaveLength(2)
    // Two run, each with its deadline and its stall time; one timer is for all that wait.
    expect(server.clock.pending - timers).toBe(2 * 2 + 1)
  })

  it('ends at its own deadline, counted from the request, and leaves the others', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    const late = server.turn({ text: 'x', deadlineMs: 3_000 })
    const early = server.turn({ text: 'x', deadlineMs: 1_000 })
    await server.advance(999)
    expect(early.replies).toEqual([])
    await server.advance(1)
    expect(early.replies).toMatchObject([{ code: 'deadline_exceeded', retryable: true }])
    expect(turnIdsOf(server.context()).waiting).toEqual([late.id])
    await server.advance(2_000)
    expect(late.replies).toMatchObject([{ code: 'deadline_exceeded' }])
    expect(server.runtime.turns.size).toBe(0)
    // No caller is left, so the start is cancelled.
    expect(server.state()).toBe('idle')
  })

  it('keeps the deadline of its request when it is admitted, and when it waits again', async () => {
    const server = startServer({ maxConcurrentTurns: 1, startTimeoutMs: 60_000 }, { spawn: 'silent' })
    const turn = server.turn({ text: 'x', deadlineMs: 10_000, resume: true })
    await server.advance(4_000)
    server.world.process.listen()
    await server.advance(2_000)
    expect(turnIdsOf(server.context()).running).toEqual([turn.id])
    server.world.process.exit()
    await server.advance(3_999)
    expect(turn.replies).toEqual([])
    expect(turnIdsOf(server.context()).waiting).toEqual([turn.id])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ code: 'deadline_exceeded' }])
  })

  it('ends with its signal, also if the signal was aborted before', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    const abort = new AbortController()
    const turns = [1, 2].map(() => server.turn({ text: 'x', signal: abort.signal }))
    await server.advance()
    abort.abort()
    await server.advance()
    const late = server.turn({ text: 'x', signal: abort.signal })
    await server.advance()
    for (const { replies } of [...turns, late]) expect(replies).toMatchObject([{ code: 'cancelled' }])
    expect(turnIdsOf(server.context())).toEqual({ running: [], waiting: [] })
    expect(server.state()).toBe('idle')
  })

  it('gets cancelled when the machine is stopped from outside', async () => {
    const server = startServer({}, { prepare: 'hangs' })
    const turn = server.turn()
    await server.advance()
    server.actor.stop()
    expect(turn.replies).toMatchObject([{ code: 'cancelled', error: 'The server was shut down' }])
  })

  it('suspended turns keep their order, before the turns that never ran', async () => {
    const server = startServer({ maxConcurrentTurns: 2, backoffInitialMs: 5_000 })
    const running = [1, 2].map(() => server.turn({ text: 'x', resume: true }))
    const waiting = server.turn()
    await server.advance()
    server.world.script.prepare = 'hangs'
    server.world.process.exit()
    await server.advance()
    expect(turnIdsOf(server.context()).waiting).toEqual([...running, waiting].map(({ id }) => id))
  })

  it('is refused by a full queue, though not if it could run at once', async () => {
    const server = startServer({ maxConcurrentTurns: 2, maxQueuedTurns: 1 })
    await server.beHealthy()
    const [first, second] = [1, 2].map(() => server.turn({ text: 'x', sessionId: 'ses_1' }))
    await server.advance()
    // One place is free, but not for the conversation that runs.
    const third = server.turn({ text: 'x', sessionId: 'ses_1' })
    expect(third.replies).toMatchObject([{ code: 'overloaded' }])
    const other = server.turn()
    expect(turnIdsOf(server.context())).toEqual({ running: [first?.id, other.id], waiting: [second?.id] })
  })
})
