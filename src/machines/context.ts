import { RuntimeHandle, runtimeOf, type ServerInput } from '../actors/runtime.ts'
import {
  BinaryNotFoundError,
  HomeLockedError,
  HostFaultError,
  OpenCodeRuntimeError,
  PortInUseError,
} from '../errors.ts'
import type { CompiledOptions } from '../config/options.ts'

/** What a server machine knows. No handle, no secret: those live beside it. */
export interface ServerContext {
  /** The configuration in use; opaque. */
  options: CompiledOptions
  /** The handle of what lives beside the machine; opaque. */
  runtime: RuntimeHandle
  /** Of our child, while it lives. */
  pid: number | undefined
  baseURL: string | undefined
  /** Respawns since the machine began. */
  restarts: number
  /** Why the last transition happened, where that is not plain. */
  reason: string | undefined
  /** The last failure, until the server is healthy again. */
  error: OpenCodeRuntimeError | undefined

  /** Somebody said `server.start`, or the server was healthy since: it is kept alive until `server.stop`. */
  wanted: boolean
  /** Those who wait for a start; it ends if they all leave. */
  leases: readonly string[]
  /** How often `server.stop` was said: those who waited before are told. */
  stops: number
  /**
   * Why the present spawn is to end, or did: it was stopped, it failed, it was refused for good (so that no restart would
   * help), or another is to take its place.
   */
  ending: 'stop' | 'failure' | 'refusal' | 'replacement' | undefined
  /** Whether the present spawn was healthy. */
  wasHealthy: boolean
  /** Probes that failed in a row. */
  failures: number
  /** As the server tells it. */
  version: string | undefined
  /** How often the memory of the present spawn was read, and how many spawns in a row were over the limit from the beginning. */
  readings: number
  overweight: number
  /** What the last failed probe said. */
  probeError: string | undefined
  /** When the restarts happened that the budget counts, in ms of the system's clock, the oldest first. */
  restartTimes: readonly number[]
  /** The system's time in ms, as it was noted last: for a decision that depends on it. */
  now: number
  /** When the present stage of a start began, in ms of the system's clock. */
  begunAt: number
  /** When the last probe was sent, in ms of the system's clock. */
  askedAt: number
  /** When the server failed for good, in ms of the system's clock. */
  failedAt: number | undefined
  /** Whether the present start is the one that a turn may ask for in `failed`: the restart budget is not for it. */
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

  /** Ids of turns that wait for the server or for a place, in order. */
  waiting: readonly string[]
  /** Ids of turns that run. */
  running: readonly string[]
}

/** What a server machine is told: commands in the imperative, facts in the past. */
export type ServerEvent =
  /** Start, and stay. With a `leaseId`, only while somebody holds the lease, until it is healthy. */
  | { type: 'server.start'; leaseId?: string }
  | { type: 'server.release'; leaseId: string }
  /** Stop, first letting running turns finish for up to `drainMs`. */
  | { type: 'server.stop'; drainMs?: number }
  /** Use another configuration: drain, and start again with it. */
  | { type: 'server.reconfigure'; options: CompiledOptions }
  | { type: 'memory.exceeded'; residentMb: number }
  | { type: 'turn.start'; turnId: string }
  | { type: 'turn.cancel'; turnId: string }
  | { type: 'turn.ended'; turnId: string }
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  | { type: 'process.exited'; error: OpenCodeRuntimeError }
  | { type: 'stream.opened' }
  | { type: 'stream.lost' }
  /** The server was not healthy in time, and the host did not stand still meanwhile. */
  | { type: 'start.timedOut' }

/** What a server machine knows at first: nothing runs, nothing is wanted. */
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
  waiting: [],
  running: [],
})

/** Returns what every actor of a server is given. */
export const inputOf = ({ context: { options, runtime } }: { context: ServerContext }): ServerInput => ({
  options,
  runtime,
})

/** Whether anybody wants the server: who said so, who waits for it, or a turn. */
export const isWanted = ({ wanted, leases, waiting, running }: ServerContext): boolean =>
  wanted || leases.length > 0 || waiting.length > 0 || running.length > 0

/** The turns that may run now, in order: one of a lane at a time, `maxConcurrentTurns` in all. */
export function admissible({ options, runtime, waiting, running }: ServerContext): string[] {
  const { turns } = runtimeOf(runtime)
  const busy = new Set(running.map((id) => turns.get(id)?.lane.key))
  const admitted: string[] = []
  for (const id of waiting) {
    if (running.length + admitted.length >= options.values.maxConcurrentTurns) break
    const lane = turns.get(id)?.lane.key
    if (busy.has(lane)) continue
    busy.add(lane)
    admitted.push(id)
  }
  return admitted
}

/** Returns the restarts that the budget counts at a moment, in ms of the system's clock: those within its window. */
export const recentRestarts = ({ options, restartTimes }: ServerContext, now: number): number[] =>
  restartTimes.filter((at) => now - at < options.values.restartWindowMs)

/**
 * Whether a turn may have a failed server tried again: the failure may pass by itself, and either there was no process (so
 * that a try costs little), or the last try is at least `backoffMaxMs` ago.
 */
export function mayTryAgain({ options, error, failedAt = 0, now }: ServerContext): boolean {
  if (error?.retryable !== true) return false
  return failedBeforeSpawn(error) || now - failedAt >= options.values.backoffMaxMs
}

/** Whether the configuration in use was never healthy, and an earlier one was. */
export const canRollBack = ({ options, lastHealthy }: ServerContext): boolean =>
  lastHealthy !== undefined && options !== lastHealthy

/** Whether another configuration might do better: these errors have nothing to do with what a patch may change. */
export const mayBeOfConfiguration = (error: unknown): boolean =>
  ![BinaryNotFoundError, HomeLockedError, HostFaultError, PortInUseError].some(
    (type) => error instanceof type,
  )

/** Whether a probe's error tells of a defect of ours, such as a module that cannot be loaded. */
export const isDefect = (error: unknown): error is OpenCodeRuntimeError =>
  error instanceof OpenCodeRuntimeError && !(error instanceof HostFaultError)

/** Whether a probe's error says nothing of the server: a defect of ours, or a shortage of the host. */
export const isNoVerdict = (error: unknown): boolean => error instanceof OpenCodeRuntimeError

/** Whether a start failed before there was a process: for the host, for the lock of its home or for its port. */
const failedBeforeSpawn = (error: OpenCodeRuntimeError): boolean =>
  [HostFaultError, HomeLockedError, PortInUseError].some(
    (type) => error instanceof type || error.cause instanceof type,
  )

/**
 * How long to wait before a restart, in ms. The first restart after a healthy spell is immediate; from then on each wait
 * is longer than the one before, with jitter (0.8 to 1.2), up to `backoffMaxMs`.
 */
export function backoffMs({ options, cooldowns, wasHealthy }: ServerContext, random = Math.random()): number {
  if (wasHealthy) return 0
  const { backoffInitialMs, backoffFactor, backoffMaxMs } = options.values
  return Math.min(backoffMaxMs, backoffInitialMs * backoffFactor ** cooldowns * (0.8 + 0.4 * random))
}

/** How long the event stream has been silent, in ms. */
export const silentMs = ({ runtime }: ServerContext): number => runtimeOf(runtime).link?.hub.silentMs ?? 0

/** Whether it is known that the server works at nothing: there is no turn, and its event stream tells of no work. */
export function isQuiet({ runtime }: ServerContext): boolean {
  const { link, turns } = runtimeOf(runtime)
  return turns.size === 0 && link?.hub.isQuiet === true
}
