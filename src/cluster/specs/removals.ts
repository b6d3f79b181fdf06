import { randomUUID } from 'node:crypto'
import type { HomeWipes, Wipe } from '../homes/home-wipes.ts'
import type { Removal } from './spec-record.ts'
import type { SpecRegister } from './spec-register.ts'

/** Removal of an agent that a fleet has carried out. */
export interface FleetRemoval {
  readonly agentId: string
  readonly drainMs: number
  readonly deletesHome: boolean
}

/** Removal that asks for more than the end of the agent, and that the cluster does not know yet. */
interface Wish extends Removal {
  /** Ends the wait of the agent's next owner for the end of its homes here. */
  readonly end: () => void
}

/** Parts of the removals of a host. */
export interface RemovalParts {
  readonly register: SpecRegister
  readonly wipes: HomeWipes
  readonly signal: AbortSignal
  /** Calls the store again and again until it answers. */
  readonly again: (act: () => Promise<void>) => Promise<void>
  readonly onError: (agentId: string, error: unknown) => void
}

/**
 * Removals of agents with their homes, or with the replies of their turns: those of this host, which the cluster must know,
 * and those of other hosts, which this one follows.
 */
export class Removals {
  readonly #parts: RemovalParts
  /** Times for running turns to finish of agents that were removed here, in ms. */
  readonly #drains = new Map<string, number>()
  readonly #wishes = new Map<string, Wish>()
  /** Ids of the removals whose homes this host's own fleet deletes. */
  readonly #own = new Set<string>()

  constructor(parts: RemovalParts) {
    this.#parts = parts
  }

  /** Notes a removal on this host. */
  note({ agentId, drainMs, deletesHome }: FleetRemoval, erasesTurns: boolean): void {
    this.#drains.set(agentId, drainMs)
    const before = this.#wishes.get(agentId)
    const erases = erasesTurns || before?.erases === true
    if (!deletesHome && !erases && !before) return
    before?.end()
    const wiped = deletesHome ? randomUUID() : before?.wiped
    if (wiped !== undefined) this.#own.add(wiped)
    this.#wishes.set(agentId, {
      drainMs,
      ...(wiped !== undefined && { wiped }),
      ...(erases && { erases }),
      end: wiped === undefined ? () => undefined : this.#parts.wipes.begin(agentId),
    })
  }

  /** Returns the time for running turns of an agent to finish, in ms, and forgets it. */
  takeDrainMs(agentId: string): number {
    const drainMs = this.#drains.get(agentId) ?? 0
    this.#drains.delete(agentId)
    return drainMs
  }

  /**
   * Writes a removal of this host that asks for more than the end of the agent, also if the agent was declared again
   * meanwhile. Returns whether there was one.
   */
  async fulfil(agentId: string): Promise<boolean> {
    const wish = this.#wishes.get(agentId)
    if (!wish) return false
    const { end, ...removal } = wish
    await this.#parts.again(() => this.#parts.register.remove(agentId, removal))
    if (this.#wishes.get(agentId) === wish) this.#wishes.delete(agentId)
    if (removal.wiped !== undefined) void this.#finish(agentId, removal.wiped).finally(end)
    return true
  }

  async #finish(agentId: string, wiped: string): Promise<void> {
    const { wipes, signal, onError } = this.#parts
    try {
      await wipes.finishOwn({ ...this.#wipeOf(agentId), ids: [wiped] }, signal)
      this.#own.delete(wiped)
    } catch (error) {
      if (!signal.aborted) onError(agentId, error)
    }
  }

  /**
   * Returns whether this host may have a home of an agent that another host has removed with its homes since.
   *
   * @throws Error if a note of this host cannot be read
   */
  hasOldHome(agentId: string): boolean {
    const ids = this.#parts.register.wipesOf(agentId).filter((id) => !this.#own.has(id))
    return !this.#parts.wipes.isDone(agentId, ids)
  }

  /**
   * Deletes the home of an agent that another host has removed.
   *
   * @param keeps - returns whether the agent stays declared here; called when no other change of the agent runs
   */
  async follow(agentId: string, keeps: () => boolean): Promise<void> {
    const { register, wipes, signal } = this.#parts
    const { drainMs = 0 } = register.of(agentId) ?? {}
    await wipes.carryOut(this.#wipeOf(agentId), drainMs, keeps, signal)
  }

  #wipeOf(agentId: string): Wipe {
    const { register } = this.#parts
    return { agentId, agents: register.agentsOf(agentId), ids: register.wipesOf(agentId) }
  }
}
