import { RuntimeHandle, type ServerInput } from '../actors/runtime.ts'
import {
  BinaryNotFoundError,
  HomeLockedError,
  HostFaultError,
  OpenCodeRuntimeError,
  PortInUseError,
} from '../errors.ts'
import type { CompiledOptions } from '../config/options.ts'
import { TurnQueue, type QueuedTurn } from './turn-queue.ts'

/** Context of a server machine. It holds no process handle and no secret: these live beside the machine, behind `runtime`. */
export interface ServerContext {
  /** The configuration in use; opaque. */
  options: CompiledOptions
  /** The handle of what lives beside the machine; opaque. */
  runtime: RuntimeHandle
  /** Pid of the server's process, while the process lives. */
  pid: number | undefined
  baseURL: string | undefined
  /** Restarts since the machine began. */
  restarts: number
  /** Reason of the last transition, if the state alone does not tell it. */
  reason: string | undefined
  /** The last failure, until the server is healthy again. */
  error: OpenCodeRuntimeError | undefined

  /** True to keep the server alive: set by `server.start` and on healthy, cleared by `server.stop`. */
  wanted: boolean
  /** Leases of the callers that wait for a start; the start ends when all of them have left. */
  leases: readonly string[]
  /** Count of `server.stop` events, by which a caller knows that its start was stopped. */
  stops: number
  /**
   * Cause of the end of the present spawn: a stop, a failure, a refusal (no restart would help), or a replacement by the
   * next spawn.
   */
  ending: 'stop' | 'failure' | 'refusal' | 'replacement' | undefined
  /** True if the present spawn was healthy. */
  wasHealthy: boolean
  /** Probes that failed in a row. */
  failures: number
  /** Version that the server reports. */
  version: string | undefined
  /** Memory readings of the present spawn, and spawns in a row that were over the limit from their first reading. */
  readings: number
  overweight: number
  /** Message of the last failed probe. */
  probeError: string | undefined
  /** Times of the restarts that the budget counts, in ms of the system's clock, the oldest first. */
  restartTimes: readonly number[]
  /** Time of the last decision that depends on the time, in ms of the system's clock. */
  now: number
  /** Time at which the present stage of a start began, in ms of the system's clock. */
  begunAt: number
  /** Time at which the last probe was sent, in ms of the system's clock. */
  askedAt: number
  /** Time of the last entry of `failed`, in ms of the system's clock. */
  failedAt: number | undefined
  /** True during the one try that a turn may ask for in `failed`: no restart follows it, whatever the budget. */
  isLastTry: boolean
  /** Waits before a restart since the server was last healthy: each makes the next one longer. */
  cooldowns: number
  /** Tries of the event stream since it was last up. */
  streamTries: number
  /** Looks for what is left of a spawn. */
  sweeps: number
  drainMs: number

  /** The configuration that was healthy last, and the one that is to be used next. */
  lastHealthy: CompiledOptions | undefined
  pending: CompiledOptions | undefined
  /** The configuration that did not come up, and why, so that the one before is in use again. */
  rolledBack: { revision: number; error: OpenCodeRuntimeError | undefined } | undefined

  /** Turns that wait for the server or for a place, in order. */
  waiting: TurnQueue
  /** Turns that run. */
  running: readonly QueuedTurn[]
  /** Turns whose server is gone, until each reports that it has ended or that it can be sent again. */
  leaving: readonly QueuedTurn[]
}

/** Events of a server machine: commands in the imperative, facts in the past. */
export type ServerEvent =
  /** Start, and stay. With a `leaseId`, only while somebody holds the lease, until it is healthy. */
  | { type: 'server.start'; leaseId?: string }
  | { type: 'server.release'; leaseId: string }
  /** Stop, first letting running turns finish for up to `drainMs`. */
  | { type: 'server.stop'; drainMs?: number }
  /** Use another configuration: drain, and start again with it. */
  | { type: 'server.reconfigure'; options: CompiledOptions }
  | { type: 'memory.exceeded'; residentMb: number }
  /** Run a turn. Without a `conversationId`, the turn is a conversation of its own. */
  | { type: 'turn.start'; turnId: string; conversationId?: string }
  | { type: 'turn.cancel'; turnId: string }
  | { type: 'turn.ended'; turnId: string }
  /** The server died, and the turn can be sent again to the next one. */
  | { type: 'turn.suspended'; turnId: string; conversationId: string }
  /** Turns ended while they waited. */
  | { type: 'queue.ended'; turnIds: readonly string[] }
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  | { type: 'process.exited'; error: OpenCodeRuntimeError }
  | { type: 'stream.opened' }
  | { type: 'stream.lost' }
  /** The server was not healthy in time, and the host did not stand still meanwhile. */
  | { type: 'start.timedOut' }

/** Returns the context of a server that does not run and that no caller wants. */
export const initialContext = (options: CompiledOptions): ServerContext => ({
  options,
  runtime: new RuntimeHandle(options),
  pid: undefined,
  baseURL: undefined,
  restarts: 0,
  reason: undefined,
  error: undefined,
  wanted: false,
  leases: [],
  stops: 0,
  ending: undefined,
  wasHealthy: false,
  failures: 0,
  version: undefined,
  readings: 0,
  overweight: 0,
  probeError: undefined,
  restartTimes: [],
  now: 0,
  begunAt: 0,
  askedAt: 0,
  failedAt: undefined,
  isLastTry: false,
  cooldowns: 0,
  streamTries: 0,
  sweeps: 0,
  drainMs: 0,
  lastHealthy: undefined,
  pending: undefined,
  rolledBack: undefined,
  waiting: TurnQueue.empty,
  running: [],
  leaving: [],
})

/** Returns what every actor of a server is given. */
export const inputOf = ({ context: { options, runtime } }: { context: ServerContext }): ServerInput => ({
  options,
  runtime,
})

/** Returns whether the server is wanted: by `server.start`, by a caller that waits, or by a turn. */
export const isWanted = ({ wanted, leases, waiting, running }: ServerContext): boolean =>
  wanted || leases.length > 0 || waiting.length > 0 || running.length > 0

/** Returns the turns that may run now, in order: one turn of a conversation at a time, `maxConcurrentTurns` in all. */
export function admissible({ options, waiting, running }: ServerContext): QueuedTurn[] {
  const busy = new Set(running.map(({ conversationId }) => conversationId))
  const admitted: QueuedTurn[] = []
  for (const turn of waiting) {
    if (running.length + admitted.length >= options.values.maxConcurrentTurns) break
    if (busy.has(turn.conversationId)) continue
    busy.add(turn.conversationId)
    admitted.push(turn)
  }
  return admitted
}

/** Returns the restarts that the budget counts at a moment, in ms of the system's clock: those within its window. */
export const recentRestarts = ({ options, restartTimes }: ServerContext, now: number): number[] =>
  restartTimes.filter((at) => now - at < options.values.restartWindowMs)

/**
 * Returns whether a turn may have a failed server tried again: the failure may pass by itself, and either there was no process (so
 * that a try costs little), or the last try is at least `backoffMaxMs` ago.
 */
export function mayTryAgain({ options, error, failedAt = 0, now }: ServerContext): boolean {
  if (error?.retryable !== true) return false
  return failedBeforeSpawn(error) || now - failedAt >= options.values.backoffMaxMs
}

/** Returns whether the configuration in use was never healthy, and an earlier one was. */
export const canRollBack = ({ options, lastHealthy }: ServerContext): boolean =>
  lastHealthy !== undefined && options !== lastHealthy

/** Returns whether another configuration may help: the excluded errors concern nothing that a patch may change. */
export const mayBeOfConfiguration = (error: unknown): boolean =>
  ![BinaryNotFoundError, HomeLockedError, HostFaultError, PortInUseError].some(
    (type) => error instanceof type,
  )

/** Returns whether a probe's error is a defect of this package, such as a module that cannot be loaded. */
export const isDefect = (error: unknown): error is OpenCodeRuntimeError =>
  error instanceof OpenCodeRuntimeError && !(error instanceof HostFaultError)

/** Returns whether a probe's error gives no verdict on the server: a defect of this package, or a shortage of the host. */
export const isNoVerdict = (error: unknown): boolean => error instanceof OpenCodeRuntimeError

/** Returns whether a start failed before there was a process: for the host, the lock of its home, or its port. */
const failedBeforeSpawn = (error: OpenCodeRuntimeError): boolean =>
  [HostFaultError, HomeLockedError, PortInUseError].some(
    (type) => error instanceof type || error.cause instanceof type,
  )

/**
 * Returns the wait before a restart, in ms. The first restart after a healthy spell is immediate; from then on each wait
 * is longer than the one before, with jitter (0.8 to 1.2), up to `backoffMaxMs`.
 */
export function backoffMs({ options, cooldowns, wasHealthy }: ServerContext, random = Math.random()): number {
  if (wasHealthy) return 0
  const { backoffInitialMs, backoffFactor, backoffMaxMs } = options.values
  return Math.min(backoffMaxMs, backoffInitialMs * backoffFactor ** cooldowns * (0.8 + 0.4 * random))
}
