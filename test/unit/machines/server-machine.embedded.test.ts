import { describe, expect, it } from 'vitest'
import { createActor, fromCallback, fromPromise, setup, type AnyActorLogic } from 'xstate'
import type { CompiledOptions } from '../../../src/config/options.ts'
import { serverMachine } from '../../../src/machines/server-machine.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'
import { openSession } from '../../../src/api/session.ts'
import { stopServer } from '../../../src/api/stop-server.ts'
import { startTurn, type Turn } from '../../../src/api/turn.ts'
import type { ServerActorRef } from '../../../src/machines/server-machine.ts'
import { FakeWorld, type Script } from '../../support/fake-world.ts'
import { optionsOf, startServer, idsOf, turnIdsOf } from '../../support/machine-harness.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const types = {} as {
  context: { options: CompiledOptions }
  events: { type: 'go.home' } | { type: 'go.to.work' }
}

/** Starts a parent machine that has a server in its state `atWork`. */
function embed(script: Partial<Script> = {}, options = optionsOf({ maxConcurrentTurns: 1 })) {
  const world = new FakeWorld(script)
  const clock = new SteppedClock()
  const machine = setup({
    types,
    actors: { opencode: serverMachine.provide({ actors: world.actors() }) },
  }).createMachine({
    context: { options },
    initial: 'atWork',
    states: {
      atWork: {
        invoke: { id: 'opencode', src: 'opencode', input: ({ context }) => context.options },
        on: { 'go.home': 'atHome' },
      },
      atHome: { on: { 'go.to.work': 'atWork' } },
    },
  })
  const parent = createActor(machine, { clock }).start()
  const server = () => parent.getSnapshot().children['opencode'] as unknown as ServerActorRef
  return { world, clock, parent, server }
}

const endOf = async (turn: Turn) => {
  const replies: unknown[] = []
  turn.replies$.subscribe((reply) => replies.push(reply))
  await turn.done
  return replies
}

describe('A server machine in a parent machine', () => {
  it('runs turns, and shows its states', async () => {
    const { world, clock, parent, server } = embed()
    const turn = startTurn(server(), 'hello')
    await clock.advance()
    expect(server().getSnapshot().matches('healthy')).toBe(true)
    expect(idsOf(server().getSnapshot().context.running)).toEqual([turn.id])
    parent.stop()
    expect(world.alive.size).toBe(0)
  })

  it('runs the turns of a conversation one after another', async () => {
    const { clock, parent, server } = embed({}, optionsOf())
    const session = openSession(server(), { title: 'Ticket 42' })
    const [first, second] = [session.turn('one'), session.turn('two')]
    const other = openSession(server()).turn('three')
    await clock.advance()
    expect(turnIdsOf(server().getSnapshot().context)).toEqual({
      running: [first.id, other.id],
      waiting: [second.id],
    })
    expect(() => openSession(server(), { title: '' })).toThrow(InvalidOptionsError)
    parent.stop()
  })

  it('is stopped by stopServer, and restarted by the next turn', async () => {
    const { world, clock, parent, server } = embed()
    const actor = server()
    const turn = startTurn(actor, 'hello')
    await clock.advance()
    await expect(stopServer(actor, { drainMs: -1 })).rejects.toBeInstanceOf(InvalidOptionsError)
    const stopped = stopServer(actor)
    await clock.advance(60_000)
    await stopped
    expect(world.alive.size).toBe(0)
    expect(await endOf(turn)).toMatchObject([{ code: 'cancelled' }])
    startTurn(actor, 'again')
    await clock.advance()
    expect(world.spawns).toBe(2)
    parent.stop()
    await stopServer(actor)
  })

  it.each([
    [
      'its parent leaves its state',
      (parent: { send(event: { type: 'go.home' }): void }) => parent.send({ type: 'go.home' }),
    ],
    ['its parent is stopped', (parent: { stop(): unknown }) => void parent.stop()],
  ])('ends its process and its turns at once when %s', async (_name, leave) => {
    const { world, clock, parent, server } = embed()
    const [running, waiting] = [startTurn(server(), 'one'), startTurn(server(), 'two')]
    await clock.advance()
    const actor = server()
    leave(parent)
    expect(world.alive.size).toBe(0)
    expect(world.did('destroy')).toEqual(['destroy'])
    for (const turn of [running, waiting])
      expect(await endOf(turn)).toMatchObject([{ kind: 'error', code: 'cancelled', retryable: false }])
    expect(await endOf(startTurn(actor, 'late'))).toMatchObject([{ code: 'cancelled' }])
    await clock.advance(600_000)
    expect(world.spawns).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('starts again with the same options when its parent enters the state again', async () => {
    const { world, clock, parent, server } = embed()
    server().send({ type: 'server.start' })
    await clock.advance()
    parent.send({ type: 'go.home' })
    parent.send({ type: 'go.to.work' })
    const turn = startTurn(server(), 'hello')
    await clock.advance()
    const { pid, running, restarts } = server().getSnapshot().context
    expect({ pid, restarts, running: idsOf(running) }).toEqual({ pid: 1002, restarts: 0, running: [turn.id] })
    expect(world.mostAlive).toBe(1)
    parent.stop()
  })

  it('does not fail its parent when it fails', async () => {
    const { clock, parent, server } = embed({ prepare: new Error('no opencode') })
    server().send({ type: 'server.start' })
    await clock.advance()
    expect(server().getSnapshot().matches('failed')).toBe(true)
    expect(parent.getSnapshot().status).toBe('active')
    parent.stop()
  })
})

describe('actor.stop()', () => {
  it.each([
    ['configuring', { prepare: 'hangs' }],
    ['spawning', { spawn: 'pending' }],
    ['probing', { spawn: 'silent' }],
    ['healthy', {}],
  ] as const)('in %s leaves no process, and no turn without a terminal reply', async (state, script) => {
    const server = startServer({}, script)
    const turn = server.turn()
    await server.advance(100)
    expect(server.state()).toBe(state)
    server.actor.stop()
    expect(server.world.alive.size).toBe(0)
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'cancelled' }])
    await server.advance(600_000)
    expect(server.clock.pending).toBe(0)
  })

  it('during reaping does not wait for the end of the process', async () => {
    const server = startServer({}, { endsOn: 'nothing' })
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance(700)
    server.actor.stop()
    expect(server.world.alive.size).toBe(0)
    expect(server.world.did('destroy')).toEqual(['destroy'])
  })
})

describe('A failed child actor', () => {
  const failing = (world: FakeWorld, name: 'serverProcess' | 'events', broken: AnyActorLogic) => {
    const actors = world.actors()
    return { ...actors, [name]: broken as unknown as (typeof actors)[typeof name] }
  }
  const defect = new Error('a defect')
  const throwing = fromCallback(() => {
    throw defect
  })

  it.each([
    ['throws', throwing, defect],
    ['ends', fromPromise(() => Promise.resolve()), undefined],
  ])('counts as an exit of the process if the process actor %s', async (_how, broken, cause) => {
    const world = new FakeWorld()
    const clock = new SteppedClock()
    const options = optionsOf({ maxRestarts: 0 })
    const actor = createActor(serverMachine.provide({ actors: failing(world, 'serverProcess', broken) }), {
      input: options,
      clock,
    })
    actor.start().send({ type: 'server.start' })
    await clock.advance()
    expect(actor.getSnapshot().matches('failed')).toBe(true)
    const { error } = actor.getSnapshot().context
    expect(error).toMatchObject({
      code: 'ERR_OPENCODE_SERVER_EXITED',
      message: `The server's process was lost: ${cause?.message ?? 'its actor ended'}`,
    })
    expect(error?.cause).toBe(cause)
    actor.stop()
  })

  it('counts as a loss of the event stream if the stream actor fails', async () => {
    const world = new FakeWorld()
    const clock = new SteppedClock()
    const actor = createActor(serverMachine.provide({ actors: failing(world, 'events', throwing) }), {
      input: optionsOf(),
      clock,
    })
    actor.start().send({ type: 'server.start' })
    await clock.advance(10_000)
    expect(actor.getSnapshot().matches('healthy')).toBe(true)
    expect(actor.getSnapshot().context.streamAttempts).toBeGreaterThan(2)
    actor.stop()
  })
})
