import { RuntimeHandle, type ServerInput } from '../actors/runtime.ts'
import {
  BinaryNotFoundError,
  HomeLockedError,
  HostFaultError,
  OpenCodeRuntimeError,
  PortInUseError,
} from '../errors.ts'
import type { CompiledOptions } from '../config/options.ts'
import type { TurnCause } from '../actors/turn/refusal.ts'
import { TurnQueue, type QueuedTurn } from './turn-queue.ts'

/** Context of a server machine, without process handles and secrets, which live beside the machine, behind `runtime`. */
export interface ServerContext {
  /** Configuration in use; opaque. */
  options: CompiledOptions
  /** Handle of the state beside the machine; opaque. */
  runtime: RuntimeHandle
  /** Pid of the server's process, while the process lives. */
  pid: number | undefined
  baseURL: string | undefined
  /** Number of restarts since the machine started. */
  restarts: number
  /** Reason of the last transition, if the state alone does not show the reason. */
  reason: string | undefined
  /** Last failure, until the server is healthy again. */
  error: OpenCodeRuntimeError | undefined

  /** True to keep the server alive: set by `server.start` and on healthy, cleared by `server.stop`. */
  wanted: boolean
  /** Leases of the callers that wait for a start; the start is cancelled when all leases are released. */
  leases: readonly string[]
  /** Number of `server.stop` events, so that a caller detects that its start was stopped. */
  stops: number
  /**
   * Cause of the end of the present spawn: a stop, a failure, a refusal (no restart would help), or a replacement by the
   * next spawn.
   */
  ending: 'stop' | 'failure' | 'refusal' | 'replacement' | undefined
  /** End of the turns of a server that is stopped, unless a stop gave none. */
  stopCause: TurnCause | undefined
  /** True if the present spawn was healthy. */
  wasHealthy: boolean
  /** Number of consecutive failed probes. */
  failures: number
  /** Version that the server reports. */
  version: string | undefined
  /** Number of memory readings of the present spawn. */
  memoryReadings: number
  /** Number of consecutive spawns that exceeded the memory limit from their first reading. */
  spawnsOverLimit: number
  /** Message of the last failed probe. */
  probeError: string | undefined
  /** Times of the restarts that count for the budget, in ms of the system's clock, the oldest first. */
  restartTimes: readonly number[]
  /** Time of the last decision that depends on the time, in ms of the system's clock. */
  now: number
  /** Time at which the present stage of a start began, in ms of the system's clock. */
  stageStartedAt: number
  /** Time at which the last probe was sent, in ms of the system's clock. */
  probeStartedAt: number
  /** Time of the last entry of `failed`, in ms of the system's clock. */
  failedAt: number | undefined
  /** True during the single start that a turn may request in `failed`; no restart follows, whatever the budget. */
  isLastAttempt: boolean
  /** Number of waits before a restart since the server was last healthy; each wait is longer than the one before. */
  cooldowns: number
  /** Number of attempts to open the event stream since the stream was last open. */
  streamAttempts: number
  /** Number of searches for the remaining processes of a spawn. */
  sweeps: number
  /** Time limit for running turns to finish, in ms. */
  drainMs: number

  /** Last configuration with which the server was healthy. */
  lastHealthy: CompiledOptions | undefined
  /** Configuration that the next start uses. */
  pending: CompiledOptions | undefined
  /** Configuration that did not become healthy, and its error, after the return to the configuration before. */
  rolledBack: { revision: number; error: OpenCodeRuntimeError | undefined } | undefined

  /** Turns that wait for the server or for a free slot, in order. */
  waiting: TurnQueue
  /** Ids of the waiting turns that the fleet permits to run, in order; empty for a server of its own. */
  permitted: readonly string[]
  /** True if the fleet is about to end this machine, because the agent is not in use. */
  isPassivated: boolean
  /** Requests of the host that belong to no turn and that run, by id; such a request keeps the server in use. */
  calls: readonly string[]
  /** Turns that run. */
  running: readonly QueuedTurn[]
  /** Turns whose server is gone, until each reports that it has ended or that it can be sent again. */
  leaving: readonly QueuedTurn[]
}

/** Events of a server machine: commands in the imperative, facts in the past. */
export type ServerEvent =
  /** Starts the server and keeps it alive. With a `leaseId`, the start is cancelled when all leases are released. */
  | { type: 'server.start'; leaseId?: string }
  | { type: 'server.release'; leaseId: string }
  /** Stops the server; running turns may finish for up to `drainMs`. `cause` is the end of the other turns. */
  | { type: 'server.stop'; drainMs?: number; cause?: TurnCause }
  /** Drains the server and restarts it with another configuration. */
  | { type: 'server.reconfigure'; options: CompiledOptions }
  | { type: 'memory.exceeded'; residentMb: number }
  /**
   * Runs a turn. Without a `conversationId`, the turn is a conversation of its own. An operation of a session takes its
   * place in the order of the conversation's turns, and counts for no limit.
   */
  | { type: 'turn.start'; turnId: string; conversationId?: string; isOperation?: boolean; priority?: number }
  | { type: 'turn.cancel'; turnId: string }
  | { type: 'turn.ended'; turnId: string }
  /** The server died, and the turn can be sent again to the next server. */
  | { type: 'turn.suspended'; turnId: string; conversationId: string }
  /** Turns ended while they waited. */
  | { type: 'queue.ended'; turnIds: readonly string[] }
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  | { type: 'process.exited'; error: OpenCodeRuntimeError }
  | { type: 'stream.opened' }
  | { type: 'stream.lost' }
  /** The server was not healthy in time, and the host was not paused meanwhile. */
  | { type: 'start.timedOut' }
  /** A request of the host that belongs to no turn began or ended. */
  | { type: 'call.started'; callId: string }
  | { type: 'call.ended'; callId: string }
  | FleetCommand

/** Commands of a fleet to the server of one of its agents. */
export type FleetCommand =
  /** Lets the server start; the server waits for this each time it enters `configuring`. */
  | { type: 'start.permitted' }
  /** Tells why the server cannot start yet. */
  | { type: 'start.deferred'; reason: string }
  /** Holds a turn that the server asked for, until the turn is permitted, which it may be already. */
  | {
      type: 'turn.accepted'
      turnId: string
      conversationId: string
      isOperation?: boolean
      isPermitted?: boolean
    }
  | { type: 'turn.refused'; turnId: string; cause: TurnCause }
  /** Runs a waiting turn as soon as the server is healthy. */
  | { type: 'turn.permitted'; turnId: string }
  /** Ends the idle server, because another agent needs its place. */
  | { type: 'server.evict'; reason: string }
  /** Ends the machine of an agent that is not in use. */
  | { type: 'server.passivate' }

/** Stage of an agent's server, as its fleet sees the server. */
export type AgentStage = 'asking' | 'healthy' | 'draining' | 'ending' | 'cooling' | 'idle' | 'failed'

/** Reports of an agent's server to its fleet. */
export type AgentReport =
  | { type: 'agent.stage'; agentId: string; stage: AgentStage; reason: string | undefined }
  | { type: 'agent.turnRequested'; agentId: string; turn: RequestedTurn }
  | { type: 'agent.turnsLeft'; agentId: string; turnIds: readonly string[] }
  | { type: 'agent.calls'; agentId: string; calls: number }
  /** The server's machine is not in use and takes nothing more, so that the fleet ends it. */
  | { type: 'agent.passivated'; agentId: string }
  | { type: 'agent.memory'; agentId: string; residentMb: number | undefined }

/** Turn, or operation of a session, that an agent's server asks its fleet for. */
export interface RequestedTurn {
  turnId: string
  conversationId: string
  priority: number
  /** True for an operation of a session, or for a caller that waits for the start: they count for no limit of turns. */
  isOperation: boolean
  /** True for a caller that waits for the start; nothing is accepted or permitted then. */
  isLease?: boolean
}

/** Prefix of the reason while a fleet does not permit a start yet. */
export const deferral = 'waiting for '

/** Returns the context of a server that does not run and that no caller needs. */
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
  stopCause: undefined,
  wasHealthy: false,
  failures: 0,
  version: undefined,
  memoryReadings: 0,
  spawnsOverLimit: 0,
  probeError: undefined,
  restartTimes: [],
  now: 0,
  stageStartedAt: 0,
  probeStartedAt: 0,
  failedAt: undefined,
  isLastAttempt: false,
  cooldowns: 0,
  streamAttempts: 0,
  sweeps: 0,
  drainMs: 0,
  lastHealthy: undefined,
  pending: undefined,
  rolledBack: undefined,
  waiting: TurnQueue.empty,
  permitted: [],
  isPassivated: false,
  calls: [],
  running: [],
  leaving: [],
})

/** Returns the input of each actor of a server. */
export const inputOf = ({ context: { options, runtime } }: { context: ServerContext }): ServerInput => ({
  options,
  runtime,
})

/** Returns whether the server is one of a fleet's, which permits its starts and its turns. */
export const isAgent = ({ options }: ServerContext): boolean => options.values.agent !== undefined

/** Returns whether the server is wanted: by `server.start`, by a caller that waits, or by a turn. */
export const isWanted = ({ wanted, leases, waiting, running }: ServerContext): boolean =>
  wanted || leases.length > 0 || waiting.length > 0 || running.length > 0

/**
 * Returns the turns and operations that may run now, in order: one of a conversation at a time, `maxConcurrentTurns`
 * turns in all.
 */
export function admissible(context: ServerContext): QueuedTurn[] {
  const { options, waiting, running, permitted } = context
  // The fleet has chosen the turns, and counts them.
  if (isAgent(context)) return permitted.map((id) => waiting.get(id)).filter((entry) => entry !== undefined)
  const busy = new Set(running.map(({ conversationId }) => conversationId))
  const admitted: QueuedTurn[] = []
  let free = options.values.maxConcurrentTurns - running.filter(isTurn).length
  for (const entry of waiting) {
    if (free <= 0 && !waiting.hasOperations) break
    // A conversation's later entries wait for its first one.
    const isFree = !busy.has(entry.conversationId) && (entry.isOperation === true || free > 0)
    busy.add(entry.conversationId)
    if (!isFree) continue
    admitted.push(entry)
    if (isTurn(entry)) free--
  }
  return admitted
}

/** Returns whether an entry counts for the limit of turns. */
export const isTurn = ({ isOperation }: QueuedTurn): boolean => isOperation !== true

/** Returns the times of the restarts within the budget's window at a moment, in ms of the system's clock. */
export const recentRestarts = ({ options, restartTimes }: ServerContext, now: number): number[] =>
  restartTimes.filter((at) => now - at < options.values.restartWindowMs)

/**
 * Returns whether a turn may start a failed server again: the failure is retryable, and either there was no process (so
 * that a start costs little), or the last start is at least `backoffMaxMs` ago.
 */
export function canRetryFailed({ options, error, failedAt = 0, now }: ServerContext): boolean {
  if (error?.retryable !== true) return false
  return failedBeforeSpawn(error) || now - failedAt >= options.values.backoffMaxMs
}

/** Returns whether the configuration in use was never healthy, and an earlier one was. */
export const canRollBack = ({ options, lastHealthy }: ServerContext): boolean =>
  lastHealthy !== undefined && options !== lastHealthy

/** Returns whether another configuration may help: the excluded errors concern nothing that a patch may change. */
export const canBeConfigurationFault = (error: unknown): boolean =>
  ![BinaryNotFoundError, HomeLockedError, HostFaultError, PortInUseError].some(
    (type) => error instanceof type,
  )

/** Returns whether a probe's error is a defect of this package, such as a module that cannot be loaded. */
export const isDefect = (error: unknown): error is OpenCodeRuntimeError =>
  error instanceof OpenCodeRuntimeError && !(error instanceof HostFaultError)

/** Returns whether a probe's error does not concern the server: a defect of this package, or a shortage of the host. */
export const isHealthUnknown = (error: unknown): boolean => error instanceof OpenCodeRuntimeError

/** Returns whether a start failed before the spawn, because of the host, the lock of the home, or the port. */
const failedBeforeSpawn = (error: OpenCodeRuntimeError): boolean =>
  [HostFaultError, HomeLockedError, PortInUseError].some(
    (type) => error instanceof type || error.cause instanceof type,
  )

/**
 * Returns the wait before a restart, in ms. The first restart after a healthy period is immediate. Each further wait is
 * longer than the wait before, with jitter (0.8 to 1.2), up to `backoffMaxMs`.
 */
export function backoffMs({ options, cooldowns, wasHealthy }: ServerContext, random = Math.random()): number {
  if (wasHealthy) return 0
  const { backoffInitialMs, backoffFactor, backoffMaxMs } = options.values
  return Math.min(backoffMaxMs, backoffInitialMs * backoffFactor ** cooldowns * (0.8 + 0.4 * random))
}
