import { fromCallback, setup, type EventObject } from 'xstate'
import { punctualMs } from '../actors/clock.ts'
import { events } from '../actors/server/events.ts'
import { home } from '../actors/server/home.ts'
import { inputRead } from '../actors/server/input-read.ts'
import { memory } from '../actors/server/memory.ts'
import { prepare } from '../actors/server/prepare.ts'
import { probe } from '../actors/server/probe.ts'
import { serverProcess } from '../actors/server/process.ts'
import { dispose, sweep } from '../actors/server/reap.ts'
import { silence, type Silence } from '../actors/server/silence.ts'
import { queue } from '../actors/turn/queue.ts'
import type { ServerInput } from '../actors/runtime.ts'
import { turnLogic } from '../actors/turn/turn.ts'
import { warmUp } from '../actors/server/warm-up.ts'
import type { CompiledOptions } from '../config/options.ts'
import { judgeVersion } from '../io/opencode/versions.ts'
import {
  backoffMs,
  canRollBack,
  isWanted,
  mayBeOfConfiguration,
  mayTryAgain,
  recentRestarts,
  type ServerContext,
  type ServerEvent,
} from './context.ts'

/** For the end of busy sessions before the process is ended. */
const disposeTimeoutMs = 5_000
/** A SIGTERM may be swallowed: it is sent again. */
const termRepeatMs = 500
const sweepIntervalMs = 50
/** After these nothing more can be done: what is left cannot be killed. */
const maxSweeps = 200
/** Time for an event stream to open. */
const streamOpeningMs = 30_000
const streamRetryMs = 100
const streamRetryMaxMs = 5_000
/** For a server that never ends its warm-up: nothing waits for it. */
const warmUpTimeoutMs = 30_000

const types = {} as { context: ServerContext; events: ServerEvent; input: CompiledOptions }

/** Setup of the machine: its actors, delays and guards. */
export const serverSetup = setup({
  types,
  actors: {
    home,
    prepare,
    serverProcess,
    probe,
    inputRead,
    silence,
    events,
    memory,
    dispose,
    sweep,
    queue,
    /** Reports to telemetry and the logger; the api provides it. */
    hooks: fromCallback<EventObject, ServerInput>(() => undefined),
    turnLogic,
    warmUp,
  },
  delays: {
    startTimeout: ({ context }) => context.options.values.startTimeoutMs,
    probeInterval: ({ context }) => context.options.values.probeIntervalMs,
    probeTimeout: ({ context }) => context.options.values.probeTimeoutMs,
    healthInterval: ({ context }) => context.options.values.healthIntervalMs,
    stopGrace: ({ context }) => context.options.values.stopGraceMs,
    idleTimeout: ({ context }) => context.options.values.idleTimeoutMs,
    drain: ({ context }) => context.drainMs,
    backoff: ({ context }) => backoffMs(context),
    disposeTimeout: disposeTimeoutMs,
    termRepeat: termRepeatMs,
    sweepInterval: sweepIntervalMs,
    streamOpening: streamOpeningMs,
    streamRetry: ({ context }) =>
      Math.min(streamRetryMaxMs, streamRetryMs * 2 ** context.streamTries) * (0.5 + Math.random()),
    warmUpTimeout: warmUpTimeoutMs,
  },
  guards: {
    isWanted: ({ context }) => isWanted(context),
    isUnwanted: ({ context }) => !isWanted(context),
    isGone: ({ context }) => context.pid === undefined,
    /** A server that does not answer, or never did, has nothing to be asked to end. */
    isUnresponsive: ({ context }) => !context.wasHealthy || context.failures > 0,
    hasSweptEnough: ({ context }) => context.sweeps >= maxSweeps,
    isMeantToStop: ({ context }) => context.ending !== 'failure' && context.ending !== 'refusal',
    isRefused: ({ context }) => context.ending === 'refusal',
    isUnsupported: ({ context }) =>
      context.version !== undefined && judgeVersion(context.version) === 'unsupported',
    hasPending: ({ context }) => context.pending !== undefined,
    /** The configuration in use was never healthy, and one before it was. */
    canRollBack: ({ context }) => canRollBack(context),
    /** The same, after a failure that another configuration may mend. */
    shouldRollBack: ({ context }) => canRollBack(context) && mayBeOfConfiguration(context.error),
    hasTurns: ({ context }) => context.running.length + context.waiting.length > 0,
    hasNoTurns: ({ context }) => context.running.length + context.waiting.length === 0,
    restsWhenIdle: ({ context }) => context.options.values.idleTimeoutMs > 0,
    hasMemoryLimit: ({ context }) => context.options.values.memoryLimitMb !== undefined,
    /** The time limit of a probe was noticed late: the host was paused, asleep, or its event loop blocked. */
    stoodStill: ({ context }) =>
      context.now - context.askedAt - context.options.values.probeTimeoutMs > punctualMs,
    hasBudget: ({ context }) =>
      !context.isLastTry && recentRestarts(context, context.now).length < context.options.values.maxRestarts,
    mayTryAgain: ({ context }) => mayTryAgain(context),
    isDrained: ({ context }) => context.running.length === 0,
    canDrain: ({ event }) => event.type === 'server.stop' && (event.drainMs ?? 0) > 0,
    /** Failed probes mean wedged; with a turn running only if the stream is silent too. */
    isWedged: ({ context }, { silentMs }: Silence) =>
      context.failures >= context.options.values.unhealthyThreshold &&
      (context.running.length === 0 || silentMs >= context.options.values.busyGraceMs),
    /** A turn that is there already does itself what a warm-up would do for it. */
    isToWarmUp: ({ context }) => context.options.values.warmUp && context.running.length === 0,
  },
})
