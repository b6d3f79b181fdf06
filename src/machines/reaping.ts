import { assign } from 'xstate'
import { inputOf } from './context.ts'
import { lifecycle } from './lifecycle.ts'

/** The way out of a spawn: nothing of it may be left before anything else is. Then what comes next is decided. */
export const reaping = lifecycle.createStateConfig({
  description: 'ends what the server is busy with, then it, then whatever is left of it',
  entry: 'endRunning',
  initial: 'disposing',
  on: { 'process.exited': { target: '.sweeping', actions: 'noteGone' } },
  states: {
    disposing: {
      always: [
        { guard: 'isGone', target: 'sweeping' },
        { guard: 'isUnresponsive', target: 'terminating' },
        { guard: 'isQuiet', target: 'terminating' },
      ],
      invoke: {
        src: 'dispose',
        input: inputOf,
        onDone: 'terminating',
        onError: 'terminating',
      },
      after: { disposeTimeout: 'terminating' },
    },
    terminating: {
      initial: 'signalled',
      after: { stopGrace: 'killing' },
      states: {
        signalled: {
          entry: 'terminate',
          after: { termRepeat: { target: 'signalled', reenter: true } },
        },
      },
    },
    killing: {
      entry: 'kill',
      after: { termRepeat: { target: 'killing', reenter: true } },
    },
    sweeping: {
      entry: assign(({ context }) => ({ sweeps: context.sweeps + 1 })),
      invoke: {
        src: 'sweep',
        input: inputOf,
        onDone: [
          { guard: ({ event }) => event.output.left === 0, target: 'swept' },
          { guard: 'hasSweptEnough', target: 'swept' },
          { target: 'resting' },
        ],
        onError: [{ guard: 'hasSweptEnough', target: 'swept' }, { target: 'resting' }],
      },
    },
    resting: { after: { sweepInterval: 'sweeping' } },
    swept: {
      entry: ['dropProcess', 'noteGone', 'noteTime'],
      always: [
        { guard: 'isUnwanted', target: '#server.idle' },
        { guard: 'isMeantToStop', target: '#server.configuring', actions: 'noteReplaced' },
        // Another configuration may be the cure: it is tried at once, whatever became of this one.
        { guard: 'hasPending', target: '#server.configuring', actions: 'noteRespawn' },
        { guard: 'isRefused', target: '#server.failed' },
        {
          guard: 'shouldRollBack',
          target: '#server.configuring',
          actions: ['rollBack', 'noteRespawn'],
        },
        { guard: 'hasBudget', target: 'coolingDown' },
        { target: '#server.failed', actions: 'giveUp' },
      ],
    },
    coolingDown: {
      always: { guard: 'isUnwanted', target: '#server.idle' },
      on: {
        'server.reconfigure': { target: '#server.configuring', actions: ['notePending', 'noteRespawn'] },
      },
      after: {
        backoff: { target: '#server.configuring', actions: 'noteRestart' },
      },
    },
  },
})
