import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor, transition } from 'xstate'
import { lifecycle$ } from '../../../src/api/lifecycle.ts'
import { type Lifecycle } from '../../../src/machines/lifecycle.ts'
import { serverMachine } from '../../../src/machines/server-machine.ts'
import { reconfigure } from '../../../src/api/reconfigure.ts'
import { virtualTime } from '../../../src/testing/virtual-time.ts'
import { startTurn } from '../../../src/api/turn.ts'
import { FakeWorld } from '../../support/fake-world.ts'
import { optionsOf, secrets, startServer, idsOf } from '../../support/machine-harness.ts'

/** Creates two machines from one result of `compileOptions`, each in a fake world of its own. */
function startTwo() {
  const options = optionsOf()
  const clock = virtualTime()
  const start = () => {
    const world = new FakeWorld()
    const machine = serverMachine.provide({ actors: world.actors() })
    const actor = createActor(machine, { input: options, clock }).start()
    onTestFinished(() => void actor.stop())
    return { actor, world }
  }
  return { first: start(), second: start(), start, clock }
}

describe('Two machines from the same compiled options', () => {
  it('share neither process nor turns', async () => {
    const { first, second, clock } = startTwo()
    for (const { actor } of [first, second]) actor.send({ type: 'server.start' })
    await clock.advance()
    const turn = startTurn(second.actor, 'hello')
    await clock.advance()
    first.actor.stop()
    await clock.advance()
    expect([first.world.alive.size, second.world.alive.size]).toEqual([0, 1])
    expect(idsOf(second.actor.getSnapshot().context.running)).toEqual([turn.id])
    expect(second.world.isHomeHeld).toBe(true)
  })

  it('are reconfigured independently, also after the other machine was stopped', async () => {
    const { first, second, start, clock } = startTwo()
    for (const { actor } of [first, second]) actor.send({ type: 'server.start' })
    await clock.advance()
    const changed = reconfigure(first.actor, { models: ['other'] })
    await clock.advance()
    await changed
    expect(second.actor.getSnapshot().context.options.values.models).toEqual([{ id: 'gpt-4o' }])
    first.actor.stop()
    for (const { actor } of [second, start()]) {
      actor.send({ type: 'server.start' })
      await clock.advance()
      const again = reconfigure(actor, { models: ['third'] })
      await clock.advance()
      await again
      expect(actor.getSnapshot().context.options.values.models).toEqual([{ id: 'third' }])
    }
  })
})

describe('The runtime of a machine', () => {
  it('is an opaque handle in its context', async () => {
    const server = startServer()
    server.turn('the prompt')
    await server.advance()
    const { runtime } = server.context()
    expect(JSON.stringify(runtime)).toBe('{}')
    const seen = inspect(runtime, { depth: null, showHidden: true })
    for (const hidden of [secrets.apiKey, secrets.password, 'the prompt']) expect(seen).not.toContain(hidden)
  })
})

describe('transition()', () => {
  it('of turn.start has no side effect', async () => {
    const server = startServer({ maxConcurrentTurns: 1 })
    await server.beHealthy()
    const states: string[] = []
    const before = server.actor.getSnapshot()
    const turn = server.turn()
    turn.status$.subscribe(({ state }) => states.push(state))
    await server.advance()
    const told = [...states]
    transition(server.actor.logic, before, { type: 'turn.start', turnId: turn.id })
    transition(server.actor.logic, before, { type: 'turn.ended', turnId: turn.id })
    expect(states).toEqual(told)
    expect(server.runtime.turns.get(turn.id)?.isDone).toBe(false)
  })
})

describe('The observables of a machine', () => {
  it('emit each state once on lifecycle$, including the end of the process', async () => {
    const server = startServer()
    const changes: Lifecycle[] = []
    lifecycle$(server.actor).subscribe((change) => changes.push(change))
    await server.beHealthy()
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(changes.map(({ state }) => state)).toEqual(
      'idle configuring spawning probing healthy reaping idle'.split(' '),
    )
    expect(changes.map(({ pid }) => pid)).toEqual([
      undefined,
      undefined,
      undefined,
      1001,
      1001,
      1001,
      undefined,
    ])
  })

  it('emit `done` on status$ after the terminal reply', async () => {
    const server = startServer()
    const turn = server.turn()
    const order: string[] = []
    turn.status$.subscribe(({ state }) => order.push(state))
    turn.replies$.subscribe(({ kind }) => order.push(kind))
    await server.advance()
    await server.answer(turn)
    expect(order.slice(-2)).toEqual(['final', 'done'])
  })
})
