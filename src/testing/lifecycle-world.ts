import { assign, setup } from 'xstate'
import type { Happening, LifecycleMeta, LifecycleModelContext } from './happenings.ts'

const types = {} as {
  context: LifecycleModelContext
  events: { type: Happening }
  meta: LifecycleMeta
}

/** The limits are those of one model: see `createLifecycleModel`. */
const world = setup({
  types,
  guards: {
    hasTurn: ({ context }) => context.turn,
    isWanted: ({ context }) => context.wanted,
    isUnwanted: ({ context }) => !context.wanted && !context.turn,
    hasBudget: () => true,
    mayRestart: () => true,
    isLastStraw: () => true,
    hasPending: ({ context }) => context.pending,
    canRollBack: ({ context }) => context.proven === 'another' && !context.pending,
    /** Only if the model includes faults of the host. */
    mayPass: () => false,
  },
  actions: {
    want: assign({ wanted: true, lastTry: false }),
    tryLast: assign({ turn: true, lastTry: true }),
    forget: assign({ lastTry: false }),
    pass: assign({ mayPass: true }),
    last: assign({ mayPass: false }),
    unwant: assign({ wanted: false, turn: false }),
    beginTurn: assign({ turn: true }),
    endTurn: assign({ turn: false }),
    spend: assign(({ context }) => ({ spent: context.spent + 1 })),
    renew: assign({ spent: 0, lastTry: false, mayPass: false }),
    lose: assign({ lost: 0 }),
    answer: assign({ lost: 0 }),
    prove: assign(({ context }) => ({
      proven: 'this' as const,
      wanted: true,
      lastTry: false,
      spent: context.lastTry ? 0 : context.spent,
    })),
    ask: assign({ pending: true }),
    adopt: assign(({ context }) => (context.pending ? { pending: false, ...another(context) } : {})),
    change: assign(({ context }) => another(context)),
    rollBack: assign(({ context }) => (context.proven === 'another' ? { proven: 'this' } : {})),
  },
})

const another = ({ proven }: LifecycleModelContext) => ({
  proven: proven === 'this' ? ('another' as const) : proven,
})

/** What happens alike wherever a server waits for something, and is wanted by others or only by its turn. */
const waits = {
  start: { actions: 'want' },
  turn: { actions: 'beginTurn' },
  reconfigure: { actions: 'ask' },
} as const

const idle = world.createStateConfig({
  meta: { lifecycle: 'idle', alive: 0 },
  entry: ['adopt', 'forget'],
  on: {
    start: { target: 'starting', actions: 'want' },
    turn: { target: 'starting', actions: 'beginTurn' },
    stop: {},
    'start and stop': {},
    reconfigure: { actions: 'change' },
    'cannot be prepared': { target: 'failed', actions: ['rollBack', 'last'] },
    'cannot be prepared for now': [
      { guard: 'hasBudget', target: 'cooling', actions: 'want' },
      { target: 'rested', actions: 'pass' },
    ],
    'cannot be spawned': [
      { guard: 'hasBudget', target: 'cooling', actions: ['want', 'rollBack'] },
      { target: 'failed', actions: ['rollBack', 'pass'] },
    ],
    'time passes': { actions: 'renew' },
  },
})

/** A process lives that does not serve yet. */
const starting = world.createStateConfig({
  meta: { lifecycle: 'probing', alive: 1 },
  entry: ['answer', 'adopt'],
  on: {
    ...waits,
    stop: { target: 'leaving', actions: 'unwant' },
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'leaving', actions: 'endTurn' },
    ],
    reconfigure: { target: 'returning', actions: 'ask' },
    'becomes healthy': { target: 'healthy', actions: 'prove' },
    crashes: [
      { guard: 'canRollBack', target: 'starting', reenter: true, actions: 'rollBack' },
      { guard: 'hasBudget', target: 'cooling' },
      { target: 'failed', actions: 'pass' },
    ],
    'is late': 'overdue',
  },
})

const healthy = world.createStateConfig({
  meta: { lifecycle: 'healthy', alive: 1 },
  on: {
    start: {},
    turn: { actions: 'beginTurn' },
    cancel: { actions: 'endTurn' },
    'answers the turn': { actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'unwant' },
    reconfigure: [
      { guard: 'hasTurn', target: 'draining', actions: 'ask' },
      { target: 'returning', actions: 'ask' },
    ],
    'exceeds its memory': [
      { guard: 'hasTurn', target: 'draining', actions: 'answer' },
      { target: 'returning' },
    ],
    crashes: [
      { guard: 'hasBudget', target: 'starting', actions: ['spend', 'endTurn'] },
      { target: 'failed', actions: 'pass' },
    ],
    'answers a probe': { actions: 'answer' },
    'loses a probe': [{ guard: 'isLastStraw', target: 'wedged' }, { actions: 'lose' }],
    wedges: { target: 'wedged', actions: 'endTurn' },
    'time passes': [
      { guard: 'hasTurn', actions: ['renew', 'answer'] },
      { target: 'leaving', actions: ['renew', 'unwant'] },
    ],
  },
})

/** Still healthy, and about to be replaced as soon as its turn has ended. */
const draining = world.createStateConfig({
  meta: { lifecycle: 'healthy', alive: 1 },
  on: {
    start: {},
    cancel: { target: 'returning', actions: 'endTurn' },
    'answers the turn': { target: 'returning', actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'unwant' },
    reconfigure: { actions: 'ask' },
    crashes: [
      { guard: 'hasPending', target: 'starting', actions: 'endTurn' },
      { guard: 'hasBudget', target: 'starting', actions: ['spend', 'endTurn'] },
      { target: 'failed', actions: 'pass' },
    ],
    'answers a probe': { actions: 'answer' },
    'loses a probe': { actions: 'lose' },
    wedges: { target: 'wedged', actions: 'endTurn' },
    'time passes': { target: 'returning', actions: ['renew', 'endTurn'] },
  },
})

/** It was healthy and is to end: another follows at once. */
const wedged = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    ...waits,
    cancel: { actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'unwant' },
    ends: [
      { guard: 'hasPending', target: 'starting' },
      { guard: 'hasBudget', target: 'starting', actions: 'spend' },
      { target: 'failed', actions: 'pass' },
    ],
  },
})

/** It was not healthy in time and is to end: another follows after a while. */
const overdue = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  on: {
    ...waits,
    cancel: { actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'unwant' },
    ends: [
      { guard: 'isUnwanted', target: 'idle' },
      { guard: 'hasPending', target: 'starting' },
      { guard: 'canRollBack', target: 'starting', actions: 'rollBack' },
      { guard: 'hasBudget', target: 'cooling' },
      { target: 'failed', actions: 'pass' },
    ],
  },
})

/** No process lives; the next one is waited for. */
const cooling = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 0 },
  on: {
    ...waits,
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'idle', actions: 'endTurn' },
    ],
    stop: { target: 'idle', actions: 'unwant' },
    // It may be the cure, and is tried at once.
    reconfigure: { target: 'starting', actions: 'ask' },
    'cools down': { target: 'starting', actions: 'spend' },
  },
})

/** It is to end, and nobody wants another. */
const leaving = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    start: { target: 'returning', actions: 'want' },
    turn: { target: 'returning', actions: 'beginTurn' },
    stop: {},
    reconfigure: { actions: 'ask' },
    ends: 'idle',
  },
})

/** It is to end, and another is to take its place. */
const returning = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    ...waits,
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'leaving', actions: 'endTurn' },
    ],
    stop: { target: 'leaving', actions: 'unwant' },
    ends: 'starting',
  },
})

const failed = world.createStateConfig({
  meta: { lifecycle: 'failed', alive: 0 },
  entry: ['answer', 'unwant', 'adopt'],
  on: {
    start: { target: 'starting', actions: ['want', 'renew'] },
    turn: {},
    stop: {},
    'start and stop': { target: 'idle', actions: 'renew' },
    reconfigure: { actions: 'change' },
    'cannot be prepared': { target: 'failed', actions: ['renew', 'rollBack', 'last'] },
    'cannot be prepared for now': [
      { guard: 'mayRestart', target: 'cooling', actions: ['want', 'renew'] },
      { target: 'rested', actions: ['renew', 'pass'] },
    ],
    'cannot be spawned': [
      { guard: 'mayRestart', target: 'cooling', actions: ['want', 'renew', 'rollBack'] },
      { target: 'failed', actions: ['renew', 'rollBack', 'pass'] },
    ],
    'time passes': [{ guard: 'mayPass', target: 'rested', actions: 'renew' }, { actions: 'renew' }],
  },
})

/** The cause of the failure may have passed: a turn starts the server once more. */
const rested = world.createStateConfig({
  ...failed,
  on: { ...failed.on, turn: { target: 'starting', actions: 'tryLast' }, 'time passes': {} },
})

/** What the world does to one server, and where that has to leave it; the limits are those of `createLifecycleModel`. */
export const lifecycleWorld = world.createMachine({
  id: 'lifecycle',
  context: {
    wanted: false,
    turn: false,
    spent: 0,
    lost: 0,
    proven: 'none',
    pending: false,
    mayPass: false,
    lastTry: false,
  },
  initial: 'idle',
  states: { idle, starting, healthy, draining, wedged, overdue, cooling, leaving, returning, failed, rested },
})
