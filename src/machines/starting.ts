import { and, assign } from 'xstate'
import type { Prepared } from '../actors/prepare.ts'
import { asRuntimeError, BinaryNotFoundError, HomeLockedError, PortInUseError } from '../errors.ts'
import { startTimedOut, unsupported } from './causes.ts'
import { lifecycle } from './lifecycle.ts'

const noted = ({ baseURL, reaped }: Prepared) => ({
  baseURL,
  ...(reaped !== undefined && { reason: `reaped an orphan (pid ${reaped}) of an earlier host` }),
})

const notePrepareError = {
  type: 'noteFailure',
  params: ({ event }: { event: { error: unknown } }) => ({
    error: asRuntimeError(event.error, 'The server could not be prepared'),
    reason: 'could not be prepared',
  }),
} as const

/** Whether another configuration might do better: these have nothing to do with what a patch may change. */
const mayBeOfConfiguration = (error: unknown): boolean =>
  ![HomeLockedError, BinaryNotFoundError, PortInUseError].some((type) => error instanceof type)

/** Before there is a process. */
export const configuring = lifecycle.createStateConfig({
  description:
    'finds the binary, locks the home, reaps an orphan of an earlier host, writes the config, picks the port',
  entry: ['beginStart', 'adoptPending', 'holdHome'],
  invoke: {
    src: 'prepare',
    input: ({ context }) => ({ options: context.options }),
    onDone: { target: 'spawning', actions: assign(({ event }) => noted(event.output)) },
    onError: [
      {
        guard: and(['canRollBack', ({ event }) => mayBeOfConfiguration(event.error)]),
        target: 'configuring',
        reenter: true,
        actions: [notePrepareError, 'rollBack'],
      },
      { target: 'failed', actions: notePrepareError },
    ],
  },
  always: { guard: 'isUnwanted', target: 'idle', actions: 'noteUnwanted' },
  on: { 'server.reconfigure': { target: 'configuring', reenter: true, actions: 'notePending' } },
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
  always: [
    { guard: 'isUnwanted', target: 'reaping', actions: 'noteUnwanted' },
    {
      guard: 'hasPending',
      target: 'reaping',
      actions: { type: 'beginReplacing', params: { reason: 'reconfigured' } },
    },
  ],
  after: { startTimeout: { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } } },
  on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
  initial: 'awaitingListen',
  states: {
    awaitingListen: { on: { 'process.listening': 'asking' } },
    asking: {
      invoke: {
        src: 'probe',
        input: ({ context }) => ({ options: context.options, withConfig: true }),
        onDone: { target: 'judging', actions: assign(({ event }) => ({ version: event.output?.version })) },
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
    judging: {
      always: [
        {
          guard: 'isUnsupported',
          target: '#server.reaping',
          actions: { type: 'noteRefusal', params: unsupported },
        },
        { target: '#server.healthy' },
      ],
    },
    pausing: { after: { probeInterval: 'asking' } },
  },
})
