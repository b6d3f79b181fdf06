import { and, assign } from 'xstate'
import type { Prepared } from '../actors/server/prepare.ts'
import { asRuntimeError, HostFaultError } from '../errors.ts'
import { probeDefect, startTimedOut, unsupported } from './causes.ts'
import { awaitingAnswer } from './awaiting-answer.ts'
import { inputOf, isDefect, mayBeOfConfiguration } from './context.ts'
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

/** Before there is a process. */
export const configuring = lifecycle.createStateConfig({
  description:
    'finds the binary, locks the home, reaps an orphan of an earlier host, writes the config, picks the port',
  entry: ['beginStart', 'adoptPending', 'holdHome'],
  invoke: {
    src: 'prepare',
    input: inputOf,
    onDone: { target: 'spawning', actions: assign(({ event }) => noted(event.output)) },
    onError: [
      {
        guard: and(['canRollBack', ({ event }) => mayBeOfConfiguration(event.error)]),
        target: 'configuring',
        reenter: true,
        actions: [notePrepareError, 'rollBack'],
      },
      // A fault of the host may pass: it is tried again, within the restart budget.
      {
        guard: ({ event }) => event.error instanceof HostFaultError,
        target: 'reaping',
        actions: notePrepareError,
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
  entry: ['noteBegin', 'spawnProcess'],
  after: { startTimeout: { actions: 'judgeStart' } },
  exit: 'forgetTimeout',
  on: {
    'start.timedOut': { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } },
    'process.spawned': {
      target: 'probing',
      actions: assign(({ event }) => ({ pid: event.pid })),
    },
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
  entry: 'noteBegin',
  after: { startTimeout: { actions: 'judgeStart' } },
  exit: 'forgetTimeout',
  on: {
    'start.timedOut': { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } },
    'process.exited': { target: 'reaping', actions: 'noteExit' },
  },
  initial: 'awaitingListen',
  states: {
    awaitingListen: { on: { 'process.listening': 'asking' } },
    asking: {
      entry: 'noteAsked',
      ...awaitingAnswer('#server.probing.pausing'),
      invoke: {
        src: 'probe',
        input: ({ context }) => ({ ...inputOf({ context }), withConfig: true }),
        onDone: { target: 'judging', actions: assign(({ event }) => ({ version: event.output?.version })) },
        onError: [
          // No other process would do better.
          {
            guard: ({ event }) => isDefect(event.error),
            target: '#server.reaping',
            actions: { type: 'noteRefusal', params: ({ event }) => probeDefect(event.error) },
          },
          {
            target: 'pausing',
            actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
          },
        ],
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
