import type { AnyActorRef } from 'xstate'
import type { OpenCodeClient } from '../io/client.ts'
import type { NamedDirectory } from '../io/real-directory.ts'
import type { ProcessEvents, ServerProcess } from '../io/server-process.ts'
import type { SpawnPlan } from '../io/spawn-plan.ts'
import { observersOf } from '../observers.ts'
import { useOptions, type CompiledOptions } from '../compiled-options.ts'
import { quietly } from '../quietly.ts'
import type { DirectoryPolicy } from './directory-policy.ts'
import { HomeHold } from './home-hold.ts'
import type { EventHub } from './hub.ts'
import { Lane } from './lane.ts'
import type { Observer, ProbeOutcome } from './observer.ts'
import type { TurnRecord } from './turn-record.ts'

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
 * What lives beside a server machine and never enters its context or events: handles, sockets, the password, and
 * what its turns carry, keyed by their ids.
 */
export class Runtime {
  readonly home = new HomeHold()
  plan: SpawnPlan | undefined
  /** Spawns what was prepared. */
  spawn: ((events: ProcessEvents) => ServerProcess) | undefined
  /** Settles when nothing more is written into the home; never rejects. */
  preparing: Promise<unknown> | undefined
  process: ServerProcess | undefined
  link: Link | undefined
  /** Whether the end of the actor is watched, for the turns that it may not know yet. */
  isWatched = false
  /** Configurations that may be used (again), by their numbers; 0 is what the machine began with. */
  readonly revisions = new Map<number, CompiledOptions>()
  lastRevision = 0
  readonly turns = new Map<string, TurnRecord>()
  /** Directories that turns have used, as the server knows them: a server's status and requests are told per directory. */
  readonly directories = new Set<string>()
  readonly #lanes = new Map<string, Lane>()
  readonly #observers: readonly Observer[]
  readonly #watched = new WeakSet<AnyActorRef>()

  constructor(observers: readonly Observer[] = []) {
    this.#observers = observers
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

  /** A probe ended, after so many ms. */
  probed(ms: number, outcome: ProbeOutcome): void {
    for (const observer of this.#observers) quietly(() => observer.onProbe?.(ms, outcome))
  }

  /** Has the machine use a configuration. */
  use(options: CompiledOptions, revision: number): void {
    const wanted = this.revisions.get(revision)
    if (wanted) useOptions(options, wanted)
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

  release(record: TurnRecord): void {
    if (!this.turns.delete(record.id)) return
    const { lane } = record
    lane.turns--
    if (lane.turns === 0 && lane.sessionId !== undefined) this.#lanes.delete(lane.sessionId)
  }
}

const runtimes = new WeakMap<CompiledOptions, Runtime>()

/** The runtime beside the machine whose input these options are. */
export function runtimeOf(options: CompiledOptions): Runtime {
  const runtime = runtimes.get(options) ?? new Runtime(observersOf(options))
  runtimes.set(options, runtime)
  return runtime
}
