import { Subject } from 'rxjs'
import {
  agentOf,
  ClusterStoreError,
  keyOf,
  type AgentKey,
  type ClusterStore,
} from '../store/cluster-store.ts'
import { factsOf, isRemoved, removedRecord, specRecord, wipedIn } from './spec-record.ts'
import type { Removal, SharedSpec, SpecFacts, SpecRecord } from './spec-record.ts'

/** Content of a record, with its revision. */
export interface KnownSpec extends SpecFacts {
  readonly revision: number
}

/** Time and host of a declaration. */
interface From {
  readonly by: string
  readonly at: number
}

/** Returns whether a removal asks for more than the end of the agent. */
const asksMore = ({ wiped, erases }: Removal): boolean => wiped !== undefined || erases === true

/** Returns whether a removal that deletes homes is stored: the answer of an earlier attempt was lost. */
const isStored = ({ wiped }: Removal, record: SpecRecord | undefined): boolean =>
  wiped !== undefined && wipedIn(record) === wiped

function specKeyOf(key: string): Pick<SharedSpec, 'id' | 'tenant'> {
  const { tenant, agentId } = agentOf(key)
  return { id: agentId, tenant }
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
    const known = this.#recordsOf(agentId).map(([, each]) => each)
    return known[0] && { ...known[0], seen: known.flatMap(({ seen }) => seen) }
  }

  /** Returns the ids of the removals that have deleted the homes of an agent, the latest one under each tenant. */
  wipesOf(agentId: string): string[] {
    return this.#recordsOf(agentId).flatMap(([, { wiped }]) => wiped ?? [])
  }

  /** Returns the agents that have had an id, each with another tenant. */
  agentsOf(agentId: string): AgentKey[] {
    return this.#recordsOf(agentId).map(([key]) => agentOf(key))
  }

  /** Returns whether an agent was removed from the cluster. */
  isRemoved(agent: AgentKey): boolean {
    return this.#known.get(keyOf(agent))?.isRemoved === true
  }

  /** Declares an agent. An agent that has had another tenant is removed there. @throws ClusterStoreError */
  async declare(spec: SharedSpec): Promise<void> {
    const key = keyOf({ tenant: spec.tenant, agentId: spec.id })
    await this.#change(key, (before, from) => specRecord(spec, before, from))
    await this.settle(spec.id)
  }

  /** Removes an agent. The same removal that deletes homes counts once, however often it is tried. @throws ClusterStoreError */
  async remove(agentId: string, removal: Removal): Promise<void> {
    const known = this.#recordsOf(agentId)
    for (const [key, { isRemoved: wasRemoved }] of known)
      await this.#change(key, (before, from) => {
        // An agent that another host has removed may still have homes, unless it was declared anew.
        const isDone = wasRemoved && (!isRemoved(before) || !asksMore(removal))
        if (isDone || isStored(removal, before)) return undefined
        return removedRecord(specKeyOf(key), before, { ...from, ...removal })
      })
  }

  /**
   * Removes an agent under all its tenants but the one that was declared last. All hosts that see several do so, and agree:
   * the revisions have one order, and a record that was declared anew meanwhile is not removed.
   *
   * @throws ClusterStoreError
   */
  async settle(agentId: string): Promise<void> {
    for (;;) {
      const [, earlier] = this.#recordsOf(agentId).filter(([, { isRemoved }]) => !isRemoved)
      if (!earlier) return
      const [key, { revision }] = earlier
      const present = await this.#agents.get(key)
      if (present?.revision === revision)
        await this.#set(
          key,
          removedRecord(specKeyOf(key), present.value, { ...this.#from(), drainMs: 0 }),
          revision,
        )
      else this.#note(key, present?.value, present?.revision ?? revision + 1)
    }
  }

  /** Records of an agent by key: those with a spec first, then the latest ones. */
  #recordsOf(agentId: string): (readonly [key: string, known: KnownSpec])[] {
    const known = [...(this.#keys.get(agentId) ?? [])].flatMap((key) => {
      const each = this.#known.get(key)
      return each ? [[key, each] as const] : []
    })
    return known.sort(([, a], [, b]) => Number(a.isRemoved) - Number(b.isRemoved) || b.revision - a.revision)
  }

  #from(): From {
    return { by: this.#hostId, at: Date.now() }
  }

  /** Replaces a record, whatever another host has declared meanwhile: the later declaration wins. */
  async #change(
    key: string,
    change: (before: SpecRecord | undefined, from: From) => SpecRecord | undefined,
  ): Promise<void> {
    for (;;) {
      const before = await this.#agents.get(key)
      const record = change(before?.value, this.#from())
      if (record === undefined) return
      if (await this.#set(key, record, before?.revision ?? 0)) return
    }
  }

  /** Sets a record. Returns false if the record has another revision. */
  async #set(key: string, record: SpecRecord, revision: number): Promise<boolean> {
    try {
      this.#note(key, record, await this.#agents.set(key, record, revision))
      return true
    } catch (error) {
      if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
      return false
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
