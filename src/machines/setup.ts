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
  canBeConfigurationFault,
  canRetryFailed,
  isAgent,
  recentRestarts,
  type ServerContext,
  type ServerEvent,
} from './context.ts'

/** Time limit for the end of busy sessions before the process is ended, in ms. */
const disposeTimeoutMs = 5_000
/** Interval between two SIGTERMs, in ms; the signal is repeated, because a process may ignore the first. */
const termRepeatMs = 500
const sweepIntervalMs = 50
/** Number of sweeps after which the remaining processes count as unkillable. */
const maxSweeps = 200
/** Time limit for an event stream to open, in ms. */
const streamOpeningMs = 30_000
const streamRetryMs = 100
const streamRetryMaxMs = 5_000
/** Time limit of a warm-up, in ms; no turn waits for a warm-up. */
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
      Math.min(streamRetryMaxMs, streamRetryMs * 2 ** context.streamAttempts) * (0.5 + Math.random()),
    warmUpTimeout: warmUpTimeoutMs,
  },
  guards: {
    isWanted: ({ context }) => isWanted(context),
    isUnwanted: ({ context }) => !isWanted(context),
    hasNoProcess: ({ context }) => context.pid === undefined,
    /** Returns whether the server does not answer, so that its work cannot be ended by request. */
    isUnresponsive: ({ context }) => !context.wasHealthy || context.failures > 0,
    hasSweptEnough: ({ context }) => context.sweeps >= maxSweeps,
    isPlannedEnd: ({ context }) => context.ending !== 'failure' && context.ending !== 'refusal',
    isRefused: ({ context }) => context.ending === 'refusal',
    isUnsupported: ({ context }) =>
      context.version !== undefined && judgeVersion(context.version) === 'unsupported',
    hasPending: ({ context }) => context.pending !== undefined,
    /** Returns whether the configuration in use was never healthy, and an earlier configuration was. */
    canRollBack: ({ context }) => canRollBack(context),
    /** Returns the same for a failure that another configuration may repair. */
    shouldRollBack: ({ context }) => canRollBack(context) && canBeConfigurationFault(context.error),
    hasTurns: ({ context }) => context.running.length + context.waiting.length > 0,
    hasNoTurns: ({ context }) => context.running.length + context.waiting.length === 0,
    hasIdleTimeout: ({ context }) => context.options.values.idleTimeoutMs > 0 && context.calls.length === 0,
    /** Returns whether the memory is measured: for a limit of the server, or for the budget of a fleet. */
    measuresMemory: ({ context }) => context.options.values.memoryLimitMb !== undefined || isAgent(context),
    /** Returns whether no caller, turn or request needs the server. */
    isUnused: ({ context }) => !isWanted(context) && context.leaving.length + context.calls.length === 0,
    /** Returns whether the timer of a probe fired late: the host was suspended, or its event loop blocked. */
    wasHostPaused: ({ context }) =>
      context.now - context.probeStartedAt - context.options.values.probeTimeoutMs > punctualMs,
    hasBudget: ({ context }) =>
      !context.isLastAttempt &&
      recentRestarts(context, context.now).length < context.options.values.maxRestarts,
    canRetryFailed: ({ context }) => canRetryFailed(context),
    isDrained: ({ context }) => context.running.length === 0,
    canDrain: ({ event }) => event.type === 'server.stop' && (event.drainMs ?? 0) > 0,
    /** Returns whether enough probes failed; with a running turn, the event stream must be silent too. */
    isWedged: ({ context }, { silentMs }: Silence) =>
      context.failures >= context.options.values.unhealthyThreshold &&
      (context.running.length === 0 || silentMs >= context.options.values.busyGraceMs),
    /** Returns whether a warm-up is useful; a running turn already loads what a warm-up would load. */
    canWarmUp: ({ context }) => context.options.values.warmUp && context.running.length === 0,
  },
})
