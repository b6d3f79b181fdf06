import { memoryExceeded } from './causes.ts'
import { lifecycle, stopping } from './lifecycle.ts'

/** Its service to turns: open, or draining before the server is replaced or stopped. */
export const service = lifecycle.createStateConfig({
  initial: 'open',
  states: {
    open: {
      entry: ['admitTurns', 'tellQueued'],
      initial: 'unused',
      states: {
        unused: {
          always: { guard: 'hasTurns', target: 'used' },
          after: { idleTimeout: { guard: 'restsWhenIdle', target: '#server.reaping', actions: 'rest' } },
        },
        used: { always: { guard: 'hasNoTurns', target: 'unused' } },
      },
      on: {
        'turn.start': {
          guard: 'isKnownTurn',
          actions: [{ type: 'acceptTurn', params: { state: 'queued' } }, 'admitTurns', 'refuseOverflow'],
        },
        'turn.ended': { actions: ['releaseChild', 'admitTurns'] },
        'xstate.done.actor.*': { actions: ['releaseChild', 'admitTurns'] },
        'xstate.error.actor.*': { actions: ['releaseChild', 'admitTurns'] },
        // It is wanted as it is; nobody has to wait. Who asks for it has a use for it.
        'server.start': '.unused',
        'server.reconfigure': {
          target: 'draining',
          actions: ['notePending', { type: 'beginReplacing', params: { reason: 'reconfigured' } }],
        },
        'memory.exceeded': {
          target: 'draining',
          actions: { type: 'beginReplacing', params: memoryExceeded },
        },
        'server.stop': [
          { guard: 'canDrain', target: 'draining', actions: stopping },
          { target: '#server.reaping', actions: stopping },
        ],
      },
    },
    draining: {
      always: { guard: 'isDrained', target: '#server.reaping' },
      after: { drain: '#server.reaping' },
      on: {
        'server.stop': [
          { guard: 'canDrain', target: 'draining', reenter: true, actions: stopping },
          { target: '#server.reaping', actions: stopping },
        ],
      },
    },
  },
})
