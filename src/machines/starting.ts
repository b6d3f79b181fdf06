import { assign } from 'xstate'
import { asRuntimeError } from '../errors.ts'
import { startTimedOut } from './causes.ts'
import { lifecycle } from './lifecycle.ts'

/** Before there is a process. */
export const configuring = lifecycle.createStateConfig({
  description: 'finds the binary, picks the port, writes the config',
  entry: 'beginStart',
  invoke: {
    src: 'prepare',
    input: ({ context }) => ({ options: context.options }),
    onDone: { target: 'spawning', actions: assign(({ event }) => ({ baseURL: event.output.baseURL })) },
    onError: {
      target: 'failed',
      actions: assign(({ event }) => ({
        error: asRuntimeError(event.error, 'The server could not be prepared'),
        reason: 'could not be prepared',
      })),
    },
  },
  always: { guard: 'isUnwanted', target: 'idle', actions: 'noteUnwanted' },
})

/** A process that is not known yet. */
export const spawning = lifecycle.createStateConfig({
  description: 'the process is being started, in its own group',
  // A stop waits for what becomes of it: what is not known cannot be ended.
  entry: 'spawnProcess',
  after: { startTimeout: { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } } },
  on: {
    'process.spawned': { target: 'probing', actions: assign(({ event }) => ({ pid: event.pid })) },
    'process.exited': { target: 'reaping', actions: 'noteExit' },
  },
})

/** A process that is not known to be well yet. */
export const probing = lifecycle.createStateConfig({
  description: 'the process runs; it is asked for its health once it says that it listens',
  always: { guard: 'isUnwanted', target: 'reaping', actions: 'noteUnwanted' },
  after: { startTimeout: { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } } },
  on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
  initial: 'awaitingListen',
  states: {
    awaitingListen: { on: { 'process.listening': 'asking' } },
    asking: {
      invoke: {
        src: 'probe',
        input: ({ context }) => ({ options: context.options, withConfig: true }),
        onDone: '#server.healthy',
        onError: {
          target: 'pausing',
          actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
        },
      },
      after: {
        probeTimeout: {
          target: 'pausing',
          actions: { type: 'noteProbeError', params: { error: 'the probe got no answer in time' } },
        },
      },
    },
    pausing: { after: { probeInterval: 'asking' } },
  },
})
