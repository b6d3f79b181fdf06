import { describe, expect, it } from 'vitest'
import { createActor, fromCallback, fromPromise, type AnyActorRef } from 'xstate'
import { deferred } from '../../../src/util/deferred.ts'
import { turnLogic } from '../../../src/actors/turn/turn.ts'
import { serverMachine } from '../../../src/machines/server-machine.ts'
import { startTurn } from '../../../src/api/turn.ts'
import { FakeWorld, type Script } from '../../support/fake-world.ts'
import { optionsOf, secrets, startServer, idsOf } from '../../support/machine-harness.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

describe('A running turn, when the process dies', () => {
  it('ends at once with one server_died, and the next turn runs on the new server', async () => {
    const server = startServer()
    const turns = [server.turn(), server.turn()]
    await server.advance()
    server.world.process.exit('segfault')
    for (const { replies } of turns)
      expect(replies).toMatchObject([
        { kind: 'error', code: 'server_died', retryable: true, error: 'The server died: segfault' },
      ])
    const next = server.turn()
    await server.advance()
    await server.answer(next)
    expect(next.replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(server.runtime.turns.size).toBe(0)
    // The work ended with the process, so no abort is sent to the next server.
    await server.advance(60_000)
    expect(server.world.client.aborts).toEqual([])
  })

  it('emits nothing after its end, also if events arrive late', async () => {
    const server = startServer()
    const turn = server.turn()
    await server.advance()
    server.world.process.exit()
    await server.answer(turn)
    expect(turn.replies).toHaveLength(1)
  })

  it('does not end waiting turns, which wait for the restart', async () => {
    const server = startServer({ maxConcurrentTurns: 1 })
    const [running, waiting] = [server.turn(), server.turn()]
    await server.advance()
    server.world.process.exit()
    await server.advance()
    expect(running.replies).toMatchObject([{ code: 'server_died' }])
    await server.answer(waiting)
    expect(waiting.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('keeps its place until its work is aborted, because a busy session must not get a prompt', async () => {
    const server = startServer()
    const first = server.turn({ text: 'x', sessionId: 'ses_mine' })
    const second = server.turn({ text: 'y', sessionId: 'ses_mine' })
    await server.advance()
    first.cancel()
    expect(first.replies).toMatchObject([{ code: 'cancelled', error: 'The turn was cancelled' }])
    expect(idsOf(server.context().running)).toEqual([first.id])
    await server.advance()
    expect(server.world.client.aborts).toEqual(['ses_mine'])
    expect(idsOf(server.context().running)).toEqual([second.id])
  })
})

describe('A turn that waits for the server', () => {
  it('ends at its own deadline, which the simulated clock drives', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const turn = server.turn({ text: 'x', deadlineMs: 3000 })
    await server.advance(2999)
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ code: 'deadline_exceeded', retryable: true }])
    expect(server.state()).toBe('idle')
  })

  it('ends as final if it was answered while the host was suspended, also after its deadline', async () => {
    const server = startServer()
    const turn = server.turn({ text: 'x', deadlineMs: 3_000 })
    await server.advance(1_000)
    server.clock.set(server.clock.now() + 60_000)
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('ends as server_unavailable if the restart budget is spent', async () => {
    const server = startServer({ maxRestarts: 1, backoffInitialMs: 100 }, { spawn: 'exits' })
    const turn = server.turn()
    await server.advance(50)
    expect(turn.replies).toEqual([])
    await server.advance(100)
    expect(server.state()).toBe('failed')
    expect(turn.replies).toMatchObject([{ code: 'server_unavailable', retryable: true }])
    expect(server.runtime.turns.size).toBe(0)
  })

  it('ends as server_unavailable if the preparation fails', async () => {
    const server = startServer({}, { prepare: new Error('no opencode') })
    const turn = server.turn()
    await server.advance()
    expect(turn.replies).toMatchObject([
      { code: 'server_unavailable', error: expect.stringContaining('no opencode') as string },
    ])
  })

  it('ends as cancelled if the server is stopped', async () => {
    const server = startServer({}, { spawn: 'silent' })
    const turn = server.turn()
    await server.advance()
    server.send({ type: 'server.stop' })
    expect(turn.replies).toMatchObject([{ code: 'cancelled', error: 'The server was stopped' }])
    await server.advance()
    expect(server.state()).toBe('idle')
  })
})

describe('A turn whose actor ignores its end', () => {
  /** Turn logic of a user that never reports its end. */
  const deaf = fromCallback(() => undefined) as unknown as typeof turnLogic

  function startWith(script: Partial<Script>, options = optionsOf()) {
    const world = new FakeWorld(script)
    const clock = new SteppedClock()
    const machine = serverMachine.provide({ actors: { ...world.actors(), turnLogic: deaf } })
    const actor = createActor(machine, { input: options, clock }).start()
    startTurn(actor, 'hello')
    return { world, clock, actor }
  }

  it('takes no place in the queue after it was rejected', async () => {
    const { clock, actor } = startWith({}, optionsOf({ maxConcurrentTurns: 1, maxQueuedTurns: 0 }))
    await clock.advance(100)
    startTurn(actor, 'one more')
    expect(actor.getSnapshot().context.waiting).toHaveLength(0)
    actor.stop()
  })

  it.each([
    ['waits', { prepare: 'hangs' }],
    ['runs', {}],
  ] as const)('does not delay a stop while it %s', async (_what, script) => {
    const { world, clock, actor } = startWith(script)
    await clock.advance(100)
    actor.send({ type: 'server.stop' })
    await clock.advance(60_000)
    expect(actor.getSnapshot().matches('idle')).toBe(true)
    expect(world.alive.size).toBe(0)
    expect(world.spawns).toBeLessThanOrEqual(1)
    actor.stop()
  })
})

describe('A turn on a failed server', () => {
  it('ends as server_unavailable at once, and does not start the server', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance()
    const turn = server.turn()
    expect(turn.replies).toMatchObject([{ code: 'server_unavailable' }])
    await server.advance(60_000)
    expect(server.world.spawns).toBe(1)
    expect(server.runtime.turns.size).toBe(0)
    server.world.script.spawn = 'listens'
    await server.beHealthy()
  })
})

describe('A turn.start event without a registered turn', () => {
  it('starts nothing on a failed server', async () => {
    const server = startServer({}, { prepare: new Error('no opencode') })
    server.send({ type: 'server.start' })
    await server.advance()
    server.send({ type: 'turn.start', turnId: 'nobody' })
    const begun = server.inspections.filter(({ type }) => type === '@xstate.actor')
    expect(begun.map(({ actorRef }) => (actorRef as AnyActorRef).id)).not.toContain('turn:nobody')
    expect(server.state()).toBe('failed')
  })
})

describe('A running turn', () => {
  it('ends at its deadline, and its work on the server is aborted', async () => {
    const server = startServer()
    const turn = server.turn({ text: 'x', deadlineMs: 5000 })
    await server.advance(4999)
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ code: 'deadline_exceeded' }])
    expect(server.world.client.aborts).toHaveLength(1)
    expect(server.state()).toBe('healthy')
  })

  it('ends as stalled without progress, because heartbeats do not count', async () => {
    const server = startServer()
    const turn = server.turn({ text: 'x', stallMs: 30_000 })
    await server.advance(20_000)
    const sessionID = (await turn.sessionId) ?? ''
    server.world.router?.receive({
      type: 'session.status',
      properties: { sessionID, status: { type: 'busy' } },
    })
    await server.advance(29_999)
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ code: 'stalled', retryable: true }])
    expect(server.world.client.aborts).toHaveLength(1)
  })

  it('ends when its signal aborts', async () => {
    const server = startServer()
    const controller = new AbortController()
    const turn = server.turn({ text: 'x', signal: controller.signal })
    await server.advance()
    controller.abort()
    expect(turn.replies).toMatchObject([{ code: 'cancelled' }])
    await server.advance()
    expect(server.runtime.turns.size).toBe(0)
  })
})

describe("A turn with a user's own actor logic", () => {
  it.each([
    ['is done', () => undefined],
    [
      'fails',
      () => {
        throw new Error('a defect of theirs')
      },
    ],
  ])('frees its place for the next turn when its actor %s', async (_how, end) => {
    const isOver = deferred<undefined>()
    const logic = fromPromise(() => isOver.promise.then(end)) as unknown as typeof turnLogic
    const clock = new SteppedClock()
    const machine = serverMachine.provide({ actors: { ...new FakeWorld().actors(), turnLogic: logic } })
    const actor = createActor(machine, { input: optionsOf({ maxConcurrentTurns: 1 }), clock }).start()
    const [first, second] = [startTurn(actor, 'one'), startTurn(actor, 'two')]
    await clock.advance()
    const { running, waiting } = actor.getSnapshot().context
    expect([idsOf(running), idsOf(waiting)]).toEqual([[first.id], [second.id]])
    const seen: (readonly string[])[] = []
    actor.subscribe(({ context }) => seen.push(idsOf(context.running)))
    isOver.resolve(undefined)
    await clock.advance()
    expect(seen).toContainEqual([second.id])
    expect(await first.done).toMatchObject({ kind: 'error', code: 'internal' })
    actor.stop()
  })
})

describe('A turn whose actor fails', () => {
  it.each(['start', 'transition'] as const)(
    'in %s ends with one internal error without secrets, and the machine continues',
    async (where) => {
      const boom = () => {
        throw new Error(`a defect of ours: ${secrets.apiKey}`)
      }
      const world = new FakeWorld()
      const clock = new SteppedClock()
      const options = optionsOf()
      const machine = serverMachine.provide({
        actors: { ...world.actors(), turnLogic: { ...turnLogic, [where]: boom } },
      })
      const actor = createActor(machine, { input: options, clock }).start()
      const turn = startTurn(actor, 'hello')
      await clock.advance()
      turn.cancel()
      expect(await turn.done).toMatchObject({
        kind: 'error',
        code: 'internal',
        error: 'a defect of ours: ***',
      })
      expect(actor.getSnapshot().status).toBe('active')
      const { waiting, running } = actor.getSnapshot().context
      expect([idsOf(waiting), idsOf(running)]).toEqual([[], []])
      actor.send({ type: 'server.start' })
      await clock.advance()
      expect(actor.getSnapshot().matches('healthy')).toBe(true)
      actor.stop()
    },
  )
})
