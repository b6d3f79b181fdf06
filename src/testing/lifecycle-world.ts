import { assign, setup } from 'xstate'
import type { Happening, LifecycleMeta, LifecycleModelContext } from './happenings.ts'

const types = {} as {
  context: LifecycleModelContext
  events: { type: Happening }
  meta: LifecycleMeta
}

/** Setup of the world. The limits of a model come from `createLifecycleModel`. */
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
    /** `true` only if the model includes faults of the host. */
    mayPass: () => false,
  },
  actions: {
    setWanted: assign({ wanted: true, lastTry: false }),
    tryLast: assign({ turn: true, lastTry: true }),
    clearLastTry: assign({ lastTry: false }),
    pass: assign({ mayPass: true }),
    last: assign({ mayPass: false }),
    clearWanted: assign({ wanted: false, turn: false }),
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
    setPending: assign({ pending: true }),
    adopt: assign(({ context }) => (context.pending ? { pending: false, ...another(context) } : {})),
    change: assign(({ context }) => another(context)),
    rollBack: assign(({ context }) => (context.proven === 'another' ? { proven: 'this' } : {})),
  },
})

const another = ({ proven }: LifecycleModelContext) => ({
  proven: proven === 'this' ? ('another' as const) : proven,
})

/**
 * Happenings with the same effect in every state in which a server waits and is needed by callers or by its
 * turn.
 */
const waits = {
  start: { actions: 'setWanted' },
  turn: { actions: 'beginTurn' },
  reconfigure: { actions: 'setPending' },
} as const

const idle = world.createStateConfig({
  meta: { lifecycle: 'idle', alive: 0 },
  entry: ['adopt', 'clearLastTry'],
  on: {
    start: { target: 'starting', actions: 'setWanted' },
    turn: { target: 'starting', actions: 'beginTurn' },
    stop: {},
    'start and stop': {},
    reconfigure: { actions: 'change' },
    'cannot be prepared': { target: 'failed', actions: ['rollBack', 'last'] },
    'cannot be prepared for now': [
      { guard: 'hasBudget', target: 'cooling', actions: 'setWanted' },
      { target: 'rested', actions: 'pass' },
    ],
    'cannot be spawned': [
      { guard: 'hasBudget', target: 'cooling', actions: ['setWanted', 'rollBack'] },
      { target: 'failed', actions: ['rollBack', 'pass'] },
    ],
    'time passes': { actions: 'renew' },
  },
})

/** State with a live process that does not serve yet. */
const starting = world.createStateConfig({
  meta: { lifecycle: 'probing', alive: 1 },
  entry: ['answer', 'adopt'],
  on: {
    ...waits,
    stop: { target: 'leaving', actions: 'clearWanted' },
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'leaving', actions: 'endTurn' },
    ],
    reconfigure: { target: 'returning', actions: 'setPending' },
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
    stop: { target: 'leaving', actions: 'clearWanted' },
    reconfigure: [
      { guard: 'hasTurn', target: 'draining', actions: 'setPending' },
      { target: 'returning', actions: 'setPending' },
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
      { target: 'leaving', actions: ['renew', 'clearWanted'] },
    ],
  },
})

/** State of a healthy server that is replaced when its turn has ended. */
const draining = world.createStateConfig({
  meta: { lifecycle: 'healthy', alive: 1 },
  on: {
    start: {},
    cancel: { target: 'returning', actions: 'endTurn' },
    'answers the turn': { target: 'returning', actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'clearWanted' },
    reconfigure: { actions: 'setPending' },
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

/** State of a formerly healthy server that must end. A restart follows immediately. */
const wedged = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    ...waits,
    cancel: { actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'clearWanted' },
    ends: [
      { guard: 'hasPending', target: 'starting' },
      { guard: 'hasBudget', target: 'starting', actions: 'spend' },
      { target: 'failed', actions: 'pass' },
    ],
  },
})

/** State of a server that was not healthy in time and must end. A restart follows after a delay. */
const overdue = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  on: {
    ...waits,
    cancel: { actions: 'endTurn' },
    stop: { target: 'leaving', actions: 'clearWanted' },
    ends: [
      { guard: 'isUnwanted', target: 'idle' },
      { guard: 'hasPending', target: 'starting' },
      { guard: 'canRollBack', target: 'starting', actions: 'rollBack' },
      { guard: 'hasBudget', target: 'cooling' },
      { target: 'failed', actions: 'pass' },
    ],
  },
})

/** State without a process, before a delayed restart. */
const cooling = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 0 },
  on: {
    ...waits,
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'idle', actions: 'endTurn' },
    ],
    stop: { target: 'idle', actions: 'clearWanted' },
    // The new configuration may fix the failure, so the start is not delayed.
    reconfigure: { target: 'starting', actions: 'setPending' },
    'cools down': { target: 'starting', actions: 'spend' },
  },
})

/** State of a server that must end, with no restart requested. */
const leaving = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    start: { target: 'returning', actions: 'setWanted' },
    turn: { target: 'returning', actions: 'beginTurn' },
    stop: {},
    reconfigure: { actions: 'setPending' },
    ends: 'idle',
  },
})

/** State of a server that must end and be replaced. */
const returning = world.createStateConfig({
  meta: { lifecycle: 'reaping', alive: 1 },
  entry: 'answer',
  on: {
    ...waits,
    cancel: [
      { guard: 'isWanted', actions: 'endTurn' },
      { target: 'leaving', actions: 'endTurn' },
    ],
    stop: { target: 'leaving', actions: 'clearWanted' },
    ends: 'starting',
  },
})

const failed = world.createStateConfig({
  meta: { lifecycle: 'failed', alive: 0 },
  entry: ['answer', 'clearWanted', 'adopt'],
  on: {
    start: { target: 'starting', actions: ['setWanted', 'renew'] },
    turn: {},
    stop: {},
    'start and stop': { target: 'idle', actions: 'renew' },
    reconfigure: { actions: 'change' },
    'cannot be prepared': { target: 'failed', actions: ['renew', 'rollBack', 'last'] },
    'cannot be prepared for now': [
      { guard: 'mayRestart', target: 'cooling', actions: ['setWanted', 'renew'] },
      { target: 'rested', actions: ['renew', 'pass'] },
    ],
    'cannot be spawned': [
      { guard: 'mayRestart', target: 'cooling', actions: ['setWanted', 'renew', 'rollBack'] },
      { target: 'failed', actions: ['renew', 'rollBack', 'pass'] },
    ],
    'time passes': [{ guard: 'mayPass', target: 'rested', actions: 'renew' }, { actions: 'renew' }],
  },
})

/** State after a failure whose cause may have passed. A turn starts the server once more. */
const rested = world.createStateConfig({
  ...failed,
  on: { ...failed.on, turn: { target: 'starting', actions: 'tryLast' }, 'time passes': {} },
})

/**
 * Machine of the happenings to one server and of the states that they lead to. The limits come from
 * `createLifecycleModel`.
 */
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
