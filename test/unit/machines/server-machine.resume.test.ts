import { describe, expect, it } from 'vitest'
import { startServer, turnIdsOf } from '../../support/machine-harness.ts'

const resumable = { text: 'hello', resume: true }

describe('A turn with resume, when its server dies', () => {
  it('waits for the next server, reports the retry, and sends its prompt again in the same session', async () => {
    const server = startServer({ backoffInitialMs: 1000 })
    const turn = server.turn(resumable)
    const states: string[] = []
    turn.status$.subscribe(({ state }) => states.push(state))
    await server.advance()
    const prompted = server.runtime.turns.get(turn.id)?.messageId
    server.world.script.spawn = 'silent'
    server.world.process.exit('segfault')
    await server.advance(100)
    expect(turn.replies).toEqual([])
    expect(turnIdsOf(server.context())).toEqual({ running: [], waiting: [turn.id] })
    server.world.process.listen()
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final', content: 'Hello' })
    expect(states).toEqual(['waitingForServer', 'running', 'retrying', 'waitingForServer', 'running', 'done'])
    expect(server.world.client.reverts).toEqual([prompted])
    expect(server.world.client.prompts).toHaveLength(2)
    expect(server.world.client.aborts).toEqual([])
  })

  it('runs before turns that waited already', async () => {
    const server = startServer({ maxConcurrentTurns: 1 })
    const running = server.turn(resumable)
    const waiting = server.turn()
    await server.advance()
    server.world.process.exit()
    await server.advance()
    expect(turnIdsOf(server.context())).toEqual({ running: [running.id], waiting: [waiting.id] })
    await server.answer(running)
    await server.answer(waiting)
    expect([running, waiting].map(({ replies }) => replies.at(-1)?.kind)).toEqual(['final', 'final'])
  })

  it('does not resume turns without resume, which end', async () => {
    const server = startServer()
    const [resumed, lost] = [server.turn(resumable), server.turn()]
    await server.advance()
    server.world.process.exit()
    await server.advance()
    expect(resumed.replies).toEqual([])
    expect(lost.replies).toMatchObject([{ code: 'server_died' }])
    await server.answer(resumed)
  })

  it('ends when the server is stopped', async () => {
    const server = startServer()
    const turn = server.turn(resumable)
    await server.advance()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(turn.replies).toMatchObject([{ code: 'cancelled', error: 'The server was stopped' }])
    expect(server.state()).toBe('idle')
  })
})

describe('A callback during the death of a server', () => {
  it('cancels a turn that is about to wait for the next server', async () => {
    const server = startServer()
    const turn = server.turn(resumable)
    turn.status$.subscribe(({ state }) => state === 'retrying' && turn.cancel())
    await server.advance()
    server.world.process.exit()
    await server.advance(1000)
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
    expect(turnIdsOf(server.context())).toEqual({ running: [], waiting: [] })
  })

  it('stops the server, and no turn starts another', async () => {
    const server = startServer()
    const [lost, turn] = [server.turn(), server.turn(resumable)]
    lost.replies$.subscribe(({ kind }) => kind === 'error' && server.send({ type: 'server.stop' }))
    await server.advance()
    server.world.process.exit()
    await server.advance(1000)
    expect(lost.replies).toMatchObject([{ code: 'server_died' }])
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
    expect(server.state()).toBe('idle')
    expect(server.context().leaving).toEqual([])
  })

  it('cancels another turn', async () => {
    const server = startServer()
    const [lost, turn] = [server.turn(), server.turn(resumable)]
    lost.replies$.subscribe(({ kind }) => kind === 'error' && turn.cancel())
    await server.advance()
    server.world.process.exit()
    await server.advance(1000)
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
  })
})

describe('A server that dies while it drains for a stop', () => {
  it('ends its turns, and is not started again', async () => {
    const server = startServer()
    const turn = server.turn(resumable)
    await server.advance()
    server.send({ type: 'server.stop', drainMs: 60_000 })
    await server.advance(10)
    server.world.process.exit()
    await server.advance(5000)
    expect(turn.replies).toMatchObject([{ code: 'server_died' }])
    expect(server.state()).toBe('idle')
    expect(server.world.spawns).toBe(1)
  })
})
