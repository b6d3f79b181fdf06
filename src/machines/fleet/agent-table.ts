import type { AgentStage } from '../context.ts'
import { byText, sorted, type Sorted } from '../fair-queue/sorted.ts'

/**
 * Stage of an agent in its fleet: `cold` without a server's actor, `new` with an actor that was not used yet, `starting`
 * with a permitted start, `evicting` when its server must go, else as its server reports.
 */
export type FleetStage = 'cold' | 'new' | AgentStage | 'starting' | 'evicting'

/** Agent of a fleet, as the fleet's decisions see the agent. Its options are kept beside the machine. */
export interface FleetAgent {
  readonly id: string
  readonly tenant: string
  readonly maxRunningTurns: number
  readonly maxQueuedTurns: number
  /** Memory that a start reserves until the server is measured, in MiB. */
  readonly memoryMb: number
  readonly stage: FleetStage
  /** Memory of the running server's process tree, in MiB; `undefined` until the server is measured. */
  readonly residentMb?: number | undefined
  /** Number of running requests of the host that belong to no turn. */
  readonly calls: number
  /** Order of the last use: the higher, the later. */
  readonly lastUse: number
  /** Time of the last use, in epoch ms. */
  readonly lastUsedAt?: number | undefined
  /** Times of the last permitted start and of the last healthy state, in ms of the system's clock. */
  readonly permittedAt: number
  readonly healthyAt: number
  /** Reason that the agent was told last why its start must wait. */
  readonly deferral?: string | undefined
  /** Reason why the agent accepts no turns any more; a removed agent is forgotten when its server has ended. */
  readonly leaving?: 'removed' | 'closing' | undefined
}

/** Stages in which an agent holds one of the fleet's places. */
const placed: ReadonlySet<FleetStage> = new Set(['starting', 'healthy', 'draining', 'evicting', 'ending'])

/** Returns whether an agent holds one of the fleet's places. */
export const hasPlace = ({ stage }: FleetAgent): boolean => placed.has(stage)

/** Agents of a fleet by id. Each change returns another version; versions share what they have in common. */
export class AgentTable implements Iterable<FleetAgent> {
  static readonly empty = new AgentTable(sorted(byText), new Map())

  readonly #agents: Sorted<string, FleetAgent>
  /** Agents that hold a place; at most as many as the fleet has places. */
  readonly #placed: ReadonlyMap<string, FleetAgent>

  private constructor(agents: Sorted<string, FleetAgent>, withPlace: ReadonlyMap<string, FleetAgent>) {
    this.#agents = agents
    this.#placed = withPlace
  }

  get size(): number {
    return this.#agents.size
  }

  /** Agents that hold a place. */
  get placed(): FleetAgent[] {
    return [...this.#placed.values()]
  }

  get(id: string): FleetAgent | undefined {
    return this.#agents.get(id)
  }

  /** Returns the table with an agent added or replaced. */
  set(agent: FleetAgent): AgentTable {
    return new AgentTable(this.#agents.with(agent.id, agent, true), this.#changePlace(agent.id, agent))
  }

  /** Returns the table with some fields of an agent changed; the same table for an unknown id. */
  change(id: string, fields: Partial<FleetAgent>): AgentTable {
    const agent = this.get(id)
    return agent ? this.set({ ...agent, ...fields }) : this
  }

  /** Returns the table without an agent. */
  without(id: string): AgentTable {
    return new AgentTable(this.#agents.without(id), this.#changePlace(id, undefined))
  }

  #changePlace(id: string, agent: FleetAgent | undefined): ReadonlyMap<string, FleetAgent> {
    const isPlaced = agent !== undefined && hasPlace(agent)
    if (!isPlaced && !this.#placed.has(id)) return this.#placed
    const next = new Map(this.#placed)
    if (isPlaced) next.set(id, agent)
    else next.delete(id)
    return next
  }

  [Symbol.iterator](): IterableIterator<FleetAgent> {
    return this.#agents.values()
  }

  /** Returns the agents, by id. */
  toJSON(): FleetAgent[] {
    return [...this]
  }
}
