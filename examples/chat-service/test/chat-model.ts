import { assign, setup, type SnapshotFrom } from 'xstate'

/** Happening to a service, caused by its clients, its host, or the world. */
export type Happening =
  | 'a client posts'
  /** Cancellation of the message that is answered, or would be answered first. */
  | 'a client cancels'
  /** Permission for the message that is answered. */
  | 'a client allows'
  | 'the last client leaves'
  | 'the server comes up'
  | 'the server crashes'
  | 'the host retries'
  | 'the host closes'

/** Limits of open messages per room and of restarts, in the model and in the real service. */
export const limits = { maxOpenPerRoom: 2, maxRestarts: 1 }

const types = {} as { context: { open: number; restarts: number }; events: { type: Happening } }

/** Model of a service with one room, without server, turns and time. */
export const chatModel = setup({
  types,
  guards: {
    hasPlace: ({ context }) => context.open < limits.maxOpenPerRoom,
    isAnswering: ({ context }) => context.open > 0,
    hasRestarts: ({ context }) => context.restarts < limits.maxRestarts,
  },
  actions: {
    take: assign(({ context }) => ({ open: context.open + 1 })),
    end: assign(({ context }) => ({ open: Math.max(0, context.open - 1) })),
    endAll: assign({ open: 0 }),
    endWaiting: assign({ open: 1 }),
    restart: assign(({ context }) => ({ restarts: context.restarts + 1 })),
    renew: assign({ restarts: 0 }),
  },
}).createMachine({
  context: { open: 0, restarts: 0 },
  initial: 'opening',
  states: {
    opening: {
      on: {
        'a client posts': [{ guard: 'hasPlace', actions: 'take' }, {}],
        'a client cancels': { actions: 'end' },
        'the last client leaves': { actions: 'endAll' },
        'the server comes up': 'ready',
        'the server crashes': [
          { guard: 'hasRestarts', actions: 'restart' },
          { target: 'down', actions: 'endAll' },
        ],
        'the host closes': { target: 'closed', actions: 'endAll' },
      },
    },
    ready: {
      on: {
        'a client posts': [{ guard: 'hasPlace', actions: 'take' }, {}],
        'a client cancels': { actions: 'end' },
        'a client allows': { guard: 'isAnswering', actions: 'end' },
        'the last client leaves': { actions: 'endAll' },
        'the server crashes': [
          { guard: 'hasRestarts', target: 'degraded', actions: ['restart', 'end'] },
          { target: 'down', actions: 'endAll' },
        ],
        'the host closes': [
          { guard: 'isAnswering', target: 'closing', actions: 'endWaiting' },
          { target: 'closed' },
        ],
      },
    },
    degraded: {
      on: {
        'a client posts': [{ guard: 'hasPlace', actions: 'take' }, {}],
        'a client cancels': { actions: 'end' },
        'the last client leaves': { actions: 'endAll' },
        'the server comes up': 'ready',
        'the server crashes': { target: 'down', actions: 'endAll' },
        'the host closes': { target: 'closed', actions: 'endAll' },
      },
    },
    down: {
      on: {
        'a client posts': 'down', // rejected; the target is needed, because a test model ignores a transition without target and action
        'the host retries': { target: 'opening', actions: 'renew' },
        'the host closes': 'closed',
      },
    },
    closing: {
      on: {
        'a client posts': 'closing',
        'a client cancels': { target: 'closed', actions: 'endAll' },
        'a client allows': { target: 'closed', actions: 'endAll' },
        'the last client leaves': { target: 'closed', actions: 'endAll' },
        'the server crashes': { target: 'closed', actions: 'endAll' },
      },
    },
    closed: { on: { 'a client posts': 'closed', 'a client cancels': 'closed' } },
  },
})

/** State of the model. */
export type Moment = SnapshotFrom<typeof chatModel>

/** Returns the ends of messages in order: `answer`, or the code of an error. */
export function endsOf(before: Moment, happening: Happening, after: Moment): string[] {
  const ended = Math.max(0, before.context.open - after.context.open)
  const ends = Array<string>(ended).fill(how[happening] ?? 'cancelled')
  const wasAnswering = before.matches('ready') || before.matches('closing')
  return happening === 'the server crashes' && wasAnswering ? ['server_died', ...ends].slice(0, ended) : ends
}

const how: Partial<Record<Happening, string>> = {
  'a client allows': 'answer',
  'the server crashes': 'server_unavailable',
}
