import { describe, expect, it } from 'vitest'
import { startServer, idsOf, turnIdsOf } from '../../support/machine-harness.ts'

describe('A turn', () => {
  it('starts the server, waits for it, runs, and is released', async () => {
    const server = startServer()
    const turn = server.turn({ text: 'hello', traceId: 't1' })
    const states: string[] = []
    turn.status$.subscribe(({ state }) => states.push(state))
    expect(server.state()).toBe('configuring')
    await server.advance()
    expect(server.state()).toBe('healthy')
    await server.answer(turn)
    expect(turn.replies).toMatchObject([
      { kind: 'delta', trace_id: 't1', content: 'Hello' },
      { kind: 'final', trace_id: 't1', content: 'Hello' },
    ])
    expect(states).toEqual(['waitingForServer', 'running', 'done'])
    expect(server.runtime.turns.size).toBe(0)
    expect(Object.keys(server.actor.getSnapshot().children)).not.toContain(`turn:${turn.id}`)
  })

  it('is a child of the server, turn:<turnId>, from its admission to its end', async () => {
    const server = startServer()
    const turn = server.turn()
    expect(Object.keys(server.actor.getSnapshot().children)).not.toContain(`turn:${turn.id}`)
    await server.advance(60_000)
    expect(Object.keys(server.actor.getSnapshot().children)).toContain(`turn:${turn.id}`)
    turn.cancel()
    await server.advance()
    expect(Object.keys(server.actor.getSnapshot().children)).not.toContain(`turn:${turn.id}`)
  })

  it('leaves nothing behind, also after many turns', async () => {
    const server = startServer({ maxConcurrentTurns: 3 })
    await server.beHealthy()
    const before = Object.keys(server.actor.getSnapshot().children).length
    const turns = Array.from({ length: 20 }, () => server.turn())
    turns[4]?.cancel()
    for (const turn of turns) await server.answer(turn)
    expect(server.runtime.turns.size).toBe(0)
    expect(Object.keys(server.actor.getSnapshot().children)).toHaveLength(before)
    expect(turnIdsOf(server.context())).toEqual({ waiting: [], running: [] })
    expect(turns.map(({ replies }) => replies.at(-1)?.kind)).toEqual(
      turns.map((_, i) => (i === 4 ? 'error' : 'final')),
    )
  })

  it('is ignored if it is not registered, or if it is started twice', async () => {
    const server = startServer()
    server.send({ type: 'turn.start', turnId: 'nobody' })
    server.send({ type: 'turn.ended', turnId: 'nobody' })
    expect(server.state()).toBe('idle')
    const turn = server.turn()
    server.send({ type: 'turn.start', turnId: turn.id })
    expect(idsOf(server.context().waiting)).toEqual([turn.id])
    await server.advance()
    server.send({ type: 'turn.start', turnId: turn.id })
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(1)
    await server.answer(turn)
    server.send({ type: 'turn.start', turnId: turn.id })
    server.send({ type: 'turn.cancel', turnId: turn.id })
    await server.advance()
    expect(server.world.client.prompts).toHaveLength(1)
  })
})

describe('Concurrent turns', () => {
  it('run up to maxConcurrentTurns; further turns run in the order of arrival', async () => {
    const server = startServer({ maxConcurrentTurns: 2 })
    const turns = ['a', 'b', 'c', 'd'].map((text) => server.turn(text))
    const [a, b, c, d] = turns as [(typeof turns)[0], (typeof turns)[0], (typeof turns)[0], (typeof turns)[0]]
    await server.advance()
    expect(idsOf(server.context().running)).toEqual([a.id, b.id])
    expect(idsOf(server.context().waiting)).toEqual([c.id, d.id])
    await server.answer(b)
    expect(idsOf(server.context().running)).toEqual([a.id, c.id])
    await server.answer(a)
    expect(idsOf(server.context().running)).toEqual([c.id, d.id])
    expect(server.world.client.prompts).toHaveLength(4)
  })

  it('of one session run one after another, and do not delay other sessions', async () => {
    const server = startServer()
    const first = server.turn({ text: 'first', sessionId: 'ses_mine' })
    const second = server.turn({ text: 'second', sessionId: 'ses_mine' })
    const other = server.turn('other')
    await server.advance()
    expect(idsOf(server.context().running)).toEqual([first.id, other.id])
    await server.answer(first)
    expect(idsOf(server.context().running)).toEqual([other.id, second.id])
    await server.answer(second)
    expect(second.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('are rejected as overloaded at once beyond maxQueuedTurns', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 2 })
    await server.beHealthy()
    const turns = Array.from({ length: 5 }, () => server.turn())
    await server.advance()
    expect(turns.map(({ replies }) => replies)).toMatchObject([
      [],
      [],
      [],
      [
        {
          code: 'overloaded',
          retryable: true,
          error: expect.stringMatching(/^The queue is full: .* allows 2 waiting turns/) as string,
        },
      ],
      [{ code: 'overloaded' }],
    ])
    expect(server.context().waiting).toHaveLength(2)
    expect(server.runtime.turns.size).toBe(3)
  })

  it('are rejected before the server runs beyond maxConcurrentTurns and maxQueuedTurns together', async () => {
    const server = startServer({ maxConcurrentTurns: 2, maxQueuedTurns: 1 }, { spawn: 'silent' })
    const turns = Array.from({ length: 4 }, () => server.turn())
    await server.advance()
    expect(turns.map(({ replies }) => replies)).toMatchObject([[], [], [], [{ code: 'overloaded' }]])
  })

  it('are not rejected by a full queue when they are started twice', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 0 }, { spawn: 'silent' })
    const turn = server.turn()
    server.send({ type: 'turn.start', turnId: turn.id })
    server.send({ type: 'turn.start', turnId: 'nobody' })
    await server.advance()
    expect(turn.replies).toEqual([])
    expect(Object.keys(server.actor.getSnapshot().children)).not.toContain('turn:nobody')
  })

  it('stay accepted if a later turn is rejected', async () => {
    const server = startServer({ maxConcurrentTurns: 2, maxQueuedTurns: 1 }, { spawn: 'silent' })
    const accepted = Array.from({ length: 3 }, () => server.turn({ text: 'x', sessionId: 'ses_mine' }))
    await server.advance()
    server.world.process.listen()
    await server.advance()
    expect(server.context().waiting).toHaveLength(2)
    const late = server.turn({ text: 'x', sessionId: 'ses_mine' })
    await server.advance()
    expect(late.replies).toMatchObject([{ code: 'overloaded' }])
    expect(accepted.map(({ replies }) => replies)).toEqual([[], [], []])
  })

  it('stay accepted if a later turn can run at once', async () => {
    const server = startServer({ maxConcurrentTurns: 2, maxQueuedTurns: 1 }, { spawn: 'silent' })
    const accepted = Array.from({ length: 3 }, () => server.turn({ text: 'x', sessionId: 'ses_mine' }))
    await server.advance()
    server.world.process.listen()
    await server.advance()
    const late = server.turn()
    await server.advance()
    expect(idsOf(server.context().running)).toEqual([accepted[0]?.id, late.id])
    expect(accepted.map(({ replies }) => replies)).toEqual([[], [], []])
  })

  it('report that they wait for the server, and then for their place', async () => {
    const server = startServer({ maxConcurrentTurns: 1 })
    const [first, second] = [server.turn(), server.turn()]
    const states: string[] = []
    second.status$.subscribe(({ state }) => states.push(state))
    await server.answer(first)
    await server.answer(second)
    expect(states).toEqual(['waitingForServer', 'queued', 'running', 'done'])
  })

  it('run without a queue if they can run at once', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 0 })
    await server.beHealthy()
    const [first, second] = [server.turn(), server.turn()]
    await server.advance()
    expect(first.replies).toEqual([])
    expect(second.replies).toMatchObject([{ code: 'overloaded' }])
  })

  it('leave the queue when they are cancelled while they wait', async () => {
    const server = startServer({ maxConcurrentTurns: 1, maxQueuedTurns: 1 })
    await server.beHealthy()
    const [running, waiting] = [server.turn(), server.turn()]
    await server.advance()
    waiting.cancel()
    await server.advance()
    expect(waiting.replies).toMatchObject([{ code: 'cancelled', retryable: false }])
    const next = server.turn()
    await server.advance()
    expect(next.replies).toEqual([])
    await server.answer(running)
    expect(idsOf(server.context().running)).toEqual([next.id])
    expect(server.world.client.prompts).toHaveLength(2)
  })
})
