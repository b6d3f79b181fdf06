import { describe, expect, it } from 'vitest'
import { assign, setup } from 'xstate'
import { createTestModel } from 'xstate/graph'
import type { LifecycleState } from '../../src/lifecycle.ts'
import { startServer } from '../support/machine-harness.ts'

const maxRestarts = 2
const unhealthyThreshold = 2

/** What may happen: commands of the host, and what the world does. */
type Happening =
  | 'start'
  | 'stop'
  | 'becomes healthy'
  | 'crashes'
  | 'loses a probe'
  | 'answers a probe'
  | 'ends'
  | 'cools down'

const types = {} as { context: { spent: number; lost: number }; events: { type: Happening } }

/**
 * What the world does to a server, and where that must leave it. A process ignores every signal here and ends when the
 * world says so, so that whatever may come in the middle of a stop does.
 */
const worldModel = setup({
  types,
  guards: {
    hasBudget: ({ context }) => context.spent < maxRestarts,
    isLastStraw: ({ context }) => context.lost === unhealthyThreshold - 1,
  },
  actions: {
    spend: assign(({ context }) => ({ spent: context.spent + 1 })),
    renew: assign({ spent: 0 }),
    lose: assign(({ context }) => ({ lost: context.lost + 1 })),
    answer: assign({ lost: 0 }),
  },
}).createMachine({
  context: { spent: 0, lost: 0 },
  initial: 'idle',
  states: {
    idle: { on: { start: 'starting', stop: 'idle' } },
    starting: {
      entry: 'answer',
      on: {
        start: {},
        stop: 'stopping',
        'becomes healthy': 'healthy',
        crashes: [{ guard: 'hasBudget', target: 'cooling' }, { target: 'failed' }],
      },
    },
    healthy: {
      on: {
        start: {},
        stop: 'stopping',
        crashes: [{ guard: 'hasBudget', target: 'starting', actions: 'spend' }, { target: 'failed' }],
        'answers a probe': { actions: 'answer' },
        'loses a probe': [{ guard: 'isLastStraw', target: 'wedged' }, { actions: 'lose' }],
      },
    },
    wedged: {
      on: {
        start: {},
        stop: 'stopping',
        ends: [{ guard: 'hasBudget', target: 'starting', actions: 'spend' }, { target: 'failed' }],
      },
    },
    cooling: { on: { start: {}, stop: 'idle', 'cools down': { target: 'starting', actions: 'spend' } } },
    stopping: { entry: 'answer', on: { start: 'stoppingToStart', stop: {}, ends: 'idle' } },
    stoppingToStart: { on: { start: {}, stop: 'stopping', ends: 'starting' } },
    failed: { entry: 'answer', on: { start: { target: 'starting', actions: 'renew' }, stop: {} } },
  },
})

/** Where the real machine is while the model is somewhere, and how many processes live then. */
const expected: Record<string, { state: LifecycleState; alive: number }> = {
  idle: { state: 'idle', alive: 0 },
  starting: { state: 'probing', alive: 1 },
  healthy: { state: 'healthy', alive: 1 },
  wedged: { state: 'reaping', alive: 1 },
  cooling: { state: 'reaping', alive: 0 },
  stopping: { state: 'reaping', alive: 1 },
  stoppingToStart: { state: 'reaping', alive: 1 },
  failed: { state: 'failed', alive: 0 },
}

/** The shortest paths along every transition, also along those that change nothing. */
const paths = createTestModel(worldModel, {
  serializeTransition: (_state, event, previous) =>
    event && previous ? `${event.type} in ${JSON.stringify([previous.value, previous.context])}` : '',
}).getShortestPaths()
const named = paths.map((path) => {
  const happenings = path.steps.slice(1).map(({ event }) => event.type)
  return [happenings.join(', '), path] as const
})

/** A server, and how to make happen to it what happens in the model. */
function serverInTheWorld() {
  const options = {
    maxRestarts,
    unhealthyThreshold,
    restartWindowMs: 1e9,
    backoffMaxMs: 1000,
    healthIntervalMs: 5000,
  }
  const server = startServer(options, { spawn: 'silent', endsOn: 'nothing' })
  const { world } = server
  const probe = async (answer: 'ok' | 'fails') => {
    world.script.probe = answer
    await server.advance(5000)
    world.script.probe = 'ok'
  }
  const happen: Record<Happening, () => Promise<void> | void> = {
    start: () => server.send({ type: 'server.start' }),
    stop: () => server.send({ type: 'server.stop' }),
    'becomes healthy': () => world.process.listen(),
    crashes: () => world.process.exit(),
    ends: () => world.process.exit(),
    'loses a probe': () => probe('fails'),
    'answers a probe': () => probe('ok'),
    'cools down': () => server.advance(1000),
  }
  return { server, happen }
}

describe('the lifecycle, whatever the world does', () => {
  it('is driven along every transition of the model', () => {
    const all = Object.values(worldModel.states).flatMap(({ key, ownEvents }) =>
      ownEvents.map((type) => `${type} in ${key}`),
    )
    const driven = paths.flatMap(({ steps }) =>
      steps.slice(1).map(({ event }, i) => `${event.type} in ${steps[i]?.state.value ?? ''}`),
    )
    expect([...new Set(driven)].sort()).toEqual(all.sort())
  })

  it.each(named)('%s', async (_happenings, path) => {
    const { server, happen } = serverInTheWorld()
    const settled = async (type: Happening) => {
      await happen[type]()
      await server.advance()
    }
    const events = Object.fromEntries(
      (Object.keys(happen) as Happening[]).map((type) => [type, () => settled(type)]),
    )
    await path.test({
      events,
      states: {
        '*': ({ value, context }) => {
          const { state, alive } = expected[value] ?? { state: 'idle', alive: 0 }
          expect(server.state()).toBe(state)
          expect(server.world.alive.size).toBe(alive)
          expect(server.world.mostAlive).toBeLessThanOrEqual(1)
          expect(server.context().recentRestarts).toBe(context.spent)
          expect(server.actor.getSnapshot().children['process'] !== undefined).toBe(alive === 1)
        },
      },
    })
  })
})
