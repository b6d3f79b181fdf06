import { firstValueFrom, Subject } from 'rxjs'
import { elapse, systemClock } from '../../actors/clock.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { dataDirOf, renewHome, reviseAgents } from '../../api/fleet/internals.ts'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { HomeMarks } from '../../io/fleet/home-marks.ts'
import { WipeNotes } from '../../io/fleet/wipe-notes.ts'
import { orAborted } from '../../util/abort-signal.ts'
import type { AgentKey, ClusterStore } from '../store/cluster-store.ts'
import { forgetHome } from './home-register.ts'
import { persist } from './persist.ts'

/** Time for which an owner waits for the end of an old home on its host, in ms, and between two looks. */
const [limitMs, lookMs] = [10_000, 20]

/** Homes of an agent that a removal deletes: on this host, and the saved ones. */
export interface Wipe {
  readonly agentId: string
  /** Ids of the removals. */
  readonly ids: readonly string[]
  /** Agents that have had the id, each with another tenant. */
  readonly agents: readonly AgentKey[]
}

/**
 * Deletes the homes of agents that were removed from the cluster with them: the folder on this host, and the saved home. A
 * host that was away does so when it is back. Each removal counts once, so that a home that is begun after it stays.
 */
export class HomeWipes {
  /** Emits the id of an agent whose present home is not saved any more. */
  readonly retired$ = new Subject<string>()
  readonly #fleet: Fleet
  readonly #store: Pick<ClusterStore, 'agents' | 'homes' | 'objects'>
  readonly #notes: WipeNotes
  readonly #marks: HomeMarks
  /** Number of the wipes of each agent that have begun and are not done. */
  readonly #open = new Map<string, number>()
  readonly #done$ = new Subject<void>()
  /** Last work on the folder of each agent's home. */
  readonly #work = new Map<string, Promise<unknown>>()

  constructor(fleet: Fleet, store: Pick<ClusterStore, 'agents' | 'homes' | 'objects'>) {
    this.#fleet = fleet
    this.#store = store
    const dataDir = dataDirOf(fleet)
    this.#notes = new WipeNotes(dataDir)
    this.#marks = new HomeMarks(dataDir)
  }

  /** Returns whether this host has no home of an agent from before some removals. @throws Error if a note cannot be read */
  isDone(agentId: string, ids: readonly string[]): boolean {
    return this.#notes.has(agentId, ids)
  }

  /** Resolves when no wipe of an agent is under way. */
  async settled(agentId: string, signal: AbortSignal): Promise<void> {
    while (this.#open.has(agentId)) await orAborted(firstValueFrom(this.#done$), signal)
  }

  /** Resolves when this host has no home of an agent from before a removal. @throws OpenCodeRuntimeError after a time */
  async requireDone(agentId: string, id: string, signal: AbortSignal): Promise<void> {
    for (let waited = 0; !this.isDone(agentId, [id]); waited += lookMs) {
      if (waited >= limitMs)
        throw new OpenCodeRuntimeError(`The former home of the agent ${agentId} could not be deleted yet`)
      await elapse(systemClock, lookMs, signal)
      signal.throwIfAborted()
    }
  }

  /** Notes that this host removes an agent with its home, before the cluster knows. Returns a function that ends the wait. */
  begin(agentId: string): () => void {
    this.#open.set(agentId, (this.#open.get(agentId) ?? 0) + 1)
    this.retired$.next(agentId)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const left = (this.#open.get(agentId) ?? 1) - 1
      if (left > 0) this.#open.set(agentId, left)
      else this.#open.delete(agentId)
      this.#done$.next()
    }
  }

  /** Works on the folder of an agent's home, after the work before. A restore must not bring back what is deleted. */
  async exclusively<T>(agentId: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#work.get(agentId) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined)
    this.#work.set(agentId, settled)
    try {
      return await done
    } finally {
      if (this.#work.get(agentId) === settled) this.#work.delete(agentId)
    }
  }

  /** Finishes the wipe of an agent whose home the fleet has deleted itself, or deletes now, before it takes the agent again. */
  async finishOwn(wipe: Wipe, signal: AbortSignal): Promise<void> {
    await this.exclusively(wipe.agentId, () => reviseAgents(this.#fleet, [wipe.agentId], () => ({ put: [] })))
    await this.#finish(wipe, signal)
  }

  /**
   * Deletes the home of an agent that another host has removed, when the agent's server has ended.
   *
   * @param drainMs - time for running turns to finish, in ms
   * @param keeps - returns whether the agent stays declared here; called when no other change of the agent runs
   */
  async carryOut(wipe: Wipe, drainMs: number, keeps: () => boolean, signal: AbortSignal): Promise<void> {
    const { agentId } = wipe
    const end = this.begin(agentId)
    try {
      await this.exclusively(agentId, () => renewHome(this.#fleet, agentId, drainMs, keeps))
      await this.#finish(wipe, signal)
    } finally {
      end()
    }
  }

  async #finish({ agentId, ids, agents }: Wipe, signal: AbortSignal): Promise<void> {
    await this.#marks.clear(agentId)
    // The note comes first: a home that is begun now must stay. What is left in the store is deleted as garbage later.
    await this.#notes.add(agentId, ids)
    for (const agent of agents) await persist(() => forgetHome(this.#store, agent), signal)
  }
}
