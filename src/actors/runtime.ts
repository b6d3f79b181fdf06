import type { AnyActorRef } from 'xstate'
import type { OpenCodeClient } from '../io/opencode/client.ts'
import type { NamedDirectory } from '../io/home/real-directory.ts'
import type { ProcessEvents, ServerProcess } from '../io/process/server-process.ts'
import type { SpawnPlan } from '../io/process/spawn-plan.ts'
import { observersOf } from '../telemetry/observers.ts'
import type { CompiledOptions } from '../config/compiled-options.ts'
import { quietly } from '../util/quietly.ts'
import type { DirectoryPolicy } from './server/directory-policy.ts'
import { HomeHold } from './server/home-hold.ts'
import type { EventHub } from './server/hub.ts'
import { Lane } from './turn/lane.ts'
import type { Observer, ProbeOutcome } from './observer.ts'
import type { TurnRecord } from './turn/turn-record.ts'

/** The way to a running server: its API, and its events dealt out by session. */
export interface Link {
  client: OpenCodeClient
  hub: EventHub
  /** Where its sessions may work. */
  policy: DirectoryPolicy
  /** The server's own directory, a real path where the server is ours; empty: where it was started. */
  directory: string
}

/**
 * What lives beside one server machine and never enters its context or events: handles, sockets, the password, and
 * what its turns carry, keyed by their ids.
 */
export class Runtime {
  readonly home = new HomeHold()
  plan: SpawnPlan | undefined
  /** The binary that a start found last. */
  binary: string | undefined
  /** Spawns what was prepared. */
  spawn: ((events: ProcessEvents) => ServerProcess) | undefined
  /** Settles when nothing more is written into the home; never rejects. */
  preparing: Promise<unknown> | undefined
  process: ServerProcess | undefined
  link: Link | undefined
  /** Whether a warm-up asked the model after all, which no server did so far: then there is no other warm-up. */
  hasWarmUpAsked = false
  /** Whether the end of the actor is watched, for the turns that it may not know yet. */
  isWatched = false
  /** The configuration that was asked for last; the machine may not have heard of it yet. */
  latestOptions: CompiledOptions
  readonly turns = new Map<string, TurnRecord>()
  /** Directories that turns have used, as the server knows them: a server's status and requests are told per directory. */
  readonly directories = new Set<string>()
  readonly #lanes = new Map<string, Lane>()
  readonly #observers: readonly Observer[]
  readonly #watched = new WeakSet<AnyActorRef>()
  readonly #warnings = new Set<string>()

  constructor(options: CompiledOptions) {
    this.latestOptions = options
    this.#observers = observersOf(options)
  }

  /** Has the observers told of a machine's life, from its present state on; once, however often it is asked for. */
  watch(actor: AnyActorRef | undefined): void {
    if (!actor || this.#watched.has(actor)) return
    this.#watched.add(actor)
    for (const observer of this.#observers) quietly(() => observer.onMachine?.(actor))
  }

  /** Has the observers told of a turn: before anything is told of it. */
  follow(record: TurnRecord, now: () => number): void {
    record.observers = this.#observers.flatMap(
      (observer) => quietly(() => observer.onTurn?.(record, now)) ?? [],
    )
  }

  /** Tells the observers of something that a user should see to: once, however often it is found. */
  warn(message: string): void {
    if (this.#warnings.has(message)) return
    this.#warnings.add(message)
    for (const observer of this.#observers) quietly(() => observer.onWarning?.(message))
  }

  /** A probe ended, after so many ms. */
  probed(ms: number, outcome: ProbeOutcome): void {
    for (const observer of this.#observers) quietly(() => observer.onProbe?.(ms, outcome))
  }

  /** The lane of a session that is known by its id: one for all turns that name it while any of them lives. */
  laneOf(sessionId: string, named?: NamedDirectory): Lane {
    const lane = this.#lanes.get(sessionId) ?? new Lane({ key: crypto.randomUUID(), sessionId, named })
    this.#lanes.set(sessionId, lane)
    return lane
  }

  register(record: TurnRecord): void {
    this.turns.set(record.id, record)
    record.lane.turns++
    if (record.lane.sessionId !== undefined) this.#lanes.set(record.lane.sessionId, record.lane)
  }

  /** A lane got to know its session: turns that name it join the lane. */
  joined(lane: Lane): void {
    if (lane.sessionId !== undefined) this.#lanes.set(lane.sessionId, lane)
  }

  /** Lets go of a turn that has ended; one that has no terminal reply yet gets it from the error of its actor. */
  end(turnId: string, error: unknown): void {
    const record = this.turns.get(turnId)
    if (!record) return
    record.fail(error, (text) => this.latestOptions.secrets.mask(text))
    this.turns.delete(turnId)
    const { lane } = record
    lane.turns--
    if (lane.turns === 0 && lane.sessionId !== undefined) this.#lanes.delete(lane.sessionId)
  }
}

let open: (handle: RuntimeHandle) => Runtime

/**
 * The handle of a {@link Runtime} in a machine's context: made by the context factory, given to actors as input. Opaque:
 * neither inspectors nor `JSON.stringify` see what is behind it.
 */
export class RuntimeHandle {
  readonly #runtime: Runtime

  constructor(options: CompiledOptions) {
    this.#runtime = new Runtime(options)
  }

  static {
    open = (handle) => handle.#runtime
  }
}

/** Returns the runtime behind a machine's handle. */
export const runtimeOf = (handle: RuntimeHandle): Runtime => open(handle)

/** What a server machine gives to each of its actors. */
export interface ServerInput {
  options: CompiledOptions
  runtime: RuntimeHandle
}
