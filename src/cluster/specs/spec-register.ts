import { Subject } from 'rxjs'
import {
  agentOf,
  ClusterStoreError,
  keyOf,
  type AgentKey,
  type ClusterStore,
} from '../store/cluster-store.ts'
import { factsOf, removedRecord, specRecord, type SharedSpec, type SpecFacts } from './spec-record.ts'
import type { SpecRecord } from './spec-record.ts'

/** Content of a record, with its revision. */
export interface KnownSpec extends SpecFacts {
  readonly revision: number
}

/** Specs of the agents of a cluster, as one host sees and declares them. */
export class SpecRegister {
  /** Emits the id of an agent whose record has changed. */
  readonly changed$ = new Subject<string>()
  readonly #agents: ClusterStore['agents']
  readonly #hostId: string
  readonly #known = new Map<string, KnownSpec>()
  /** Keys of each agent: one for each tenant that the agent has had. */
  readonly #keys = new Map<string, Set<string>>()

  constructor({ agents }: Pick<ClusterStore, 'agents'>, hostId: string) {
    this.#agents = agents
    this.#hostId = hostId
  }

  /** Follows the register. Resolves when all present records are known. @throws ClusterStoreError */
  watch(signal: AbortSignal): Promise<void> {
    return this.#agents.watch(({ key, value, revision }) => this.#note(key, value, revision), signal)
  }

  /** Ids of all agents that have a record. */
  get ids(): string[] {
    return [...this.#keys.keys()]
  }

  /**
   * Returns what the cluster knows of an agent: its spec if it has one, else its latest removal. Declarations with another
   * tenant were seen too.
   */
  of(agentId: string): KnownSpec | undefined {
    const known = [...(this.#keys.get(agentId) ?? [])].flatMap((key) => this.#known.get(key) ?? [])
    known.sort((a, b) => Number(a.isRemoved) - Number(b.isRemoved) || b.revision - a.revision)
    return known[0] && { ...known[0], seen: known.flatMap(({ seen }) => seen) }
  }

  /** Returns whether an agent was removed from the cluster. */
  isRemoved(agent: AgentKey): boolean {
    return this.#known.get(keyOf(agent))?.isRemoved === true
  }

  /** Declares an agent. An agent that has had another tenant is removed there. @throws ClusterStoreError */
  async declare(spec: SharedSpec): Promise<void> {
    const key = keyOf({ tenant: spec.tenant, agentId: spec.id })
    await this.#change(key, (before, from) => specRecord(spec, before, from))
    for (const other of this.#keys.get(spec.id) ?? [])
      if (other !== key && this.#known.get(other)?.isRemoved === false) await this.#remove(other, 0)
  }

  /** Removes an agent. @throws ClusterStoreError */
  async remove(agentId: string, drainMs: number): Promise<void> {
    for (const key of this.#keys.get(agentId) ?? [])
      if (this.#known.get(key)?.isRemoved === false) await this.#remove(key, drainMs)
  }

  async #remove(key: string, drainMs: number): Promise<void> {
    const { tenant, agentId } = agentOf(key)
    await this.#change(key, (before, from) =>
      removedRecord({ id: agentId, tenant }, before, { ...from, drainMs }),
    )
  }

  /** Replaces a record, whatever another host has declared meanwhile: the later declaration wins. */
  async #change(
    key: string,
    change: (before: SpecRecord | undefined, from: { by: string; at: number }) => SpecRecord,
  ): Promise<void> {
    for (;;) {
      const before = await this.#agents.get(key)
      const record = change(before?.value, { by: this.#hostId, at: Date.now() })
      try {
        this.#note(key, record, await this.#agents.set(key, record, before?.revision ?? 0))
        return
      } catch (error) {
        if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
      }
    }
  }

  #note(key: string, value: SpecRecord | undefined, revision: number): void {
    if ((this.#known.get(key)?.revision ?? 0) >= revision) return
    const { agentId } = agentOf(key)
    const keys = this.#keys.get(agentId) ?? new Set<string>()
    if (value) {
      this.#known.set(key, { ...factsOf(value), revision })
      this.#keys.set(agentId, keys.add(key))
    } else {
      this.#known.delete(key)
      keys.delete(key)
    }
    this.changed$.next(agentId)
  }
}
