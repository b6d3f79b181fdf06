import { runtimeOf } from '../actors/runtime.ts'
import type { OpenCodeRuntimeError } from '../errors.ts'
import type { CompiledOptions } from '../options.ts'

/** What a server machine knows. No handle, no secret: those live beside it. */
export interface ServerContext {
  /** Opaque. */
  options: CompiledOptions
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
  /** Restarts within the window, and which window's. */
  recentRestarts: number
  budgetEpoch: number
  /** Waits before a restart since the server was last healthy: each makes the next one longer. */
  cooldowns: number
  /** Tries of the event stream since it was last up. */
  streamTries: number
  /** Looks for what is left of a spawn. */
  sweeps: number
  drainMs: number

  /** Numbers of configurations: the one in use, the last that was healthy, and the one that is to be used next. */
  revision: number
  provenRevision: number | undefined
  pendingRevision: number | undefined
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
  /** Use another configuration, by its number: drain, and start again with it. */
  | { type: 'server.reconfigure'; revision: number }
  | { type: 'memory.exceeded'; residentMb: number }
  | { type: 'turn.start'; turnId: string }
  | { type: 'turn.cancel'; turnId: string }
  | { type: 'turn.ended'; turnId: string }
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  | { type: 'process.exited'; error: OpenCodeRuntimeError }
  | { type: 'stream.opened' }
  | { type: 'stream.lost' }
  | { type: 'budget.restored'; epoch: number }

/** What a server machine knows at first: nothing runs, nothing is wanted. */
export const initialContext = (options: CompiledOptions): ServerContext => ({
  options,
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
  recentRestarts: 0,
  budgetEpoch: 0,
  cooldowns: 0,
  streamTries: 0,
  sweeps: 0,
  drainMs: 0,
  revision: 0,
  provenRevision: undefined,
  pendingRevision: undefined,
  rolledBack: undefined,
  waiting: [],
  running: [],
})

/** Whether anybody wants the server: who said so, who waits for it, or a turn. */
export const isWanted = ({ wanted, leases, waiting, running }: ServerContext): boolean =>
  wanted || leases.length > 0 || waiting.length > 0 || running.length > 0

/** The turns that may run now, in order: one of a lane at a time, `maxConcurrentTurns` in all. */
export function admissible({ options, waiting, running }: ServerContext): string[] {
  const { turns } = runtimeOf(options)
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
export const silentMs = ({ options }: ServerContext): number => runtimeOf(options).link?.hub.silentMs ?? 0

/** Whether it is known that the server works at nothing: there is no turn, and its event stream tells of no work. */
export function isQuiet({ options }: ServerContext): boolean {
  const { link, turns } = runtimeOf(options)
  return turns.size === 0 && link?.hub.isQuiet === true
}
