import { Subject } from 'rxjs'
import { elapse, type SystemClock } from '../../actors/clock.ts'
import { clusterStatus, type ClusterStatus } from '../cluster-status.ts'
import { emptyRoster, noteGone, noteHost, noteRenewed, verdictOf, type Roster } from '../liveness.ts'
import { agentOf, keyOf, type AgentKey, type CallerStore, type EntryChange } from '../store/cluster-store.ts'
import type { HostRecord, PlaceRecord } from '../store/records.ts'
import { isRemoved, type SpecRecord } from '../specs/spec-record.ts'

/** Lease of hosts that do not tell theirs, in ms. */
const usualLeaseMs = 15_000
/** Time between two looks at what has become late, in ms. */
const lookMs = 1_000

/** Agents, hosts and places of a cluster, as a caller sees them. */
export class ClusterWatch {
  /** Emits when the status may have changed. */
  readonly changed$ = new Subject<undefined>()
  readonly #clock: SystemClock
  readonly #signal: AbortSignal
  readonly #agents = new Map<string, AgentKey>()
  readonly #places = new Map<string, { record: PlaceRecord }>()
  #roster: Roster = emptyRoster(usualLeaseMs)
  #isUp = true

  constructor(clock: SystemClock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
  }

  /** Begins to watch. Resolves when all present agents, hosts and places are known. @throws ClusterStoreError */
  async start(store: Pick<CallerStore, 'agents' | 'hosts' | 'places'>): Promise<void> {
    const signal = this.#signal
    this.#roster = noteRenewed(this.#roster, this.#clock.now())
    await Promise.all([
      store.agents.watch((change) => this.#onAgent(change), signal),
      store.hosts.watch((change) => this.#onHost(change), signal),
      store.places.watch((change) => this.#onPlace(change), signal),
    ])
    void this.#lookAgainAndAgain()
  }

  /** Notes the state of the connection. A caller that was cut off judges the hosts anew. */
  noteConnection(state: 'up' | 'down'): void {
    this.#isUp = state === 'up'
    if (this.#isUp) this.#roster = noteRenewed(this.#roster, this.#clock.now())
    this.changed$.next(undefined)
  }

  /** Returns the agent of an id; `undefined` for an id that no host has declared. */
  agent(agentId: string): AgentKey | undefined {
    return this.#agents.get(agentId)
  }

  /** Ids of all agents. */
  get agentIds(): Iterable<string> {
    return this.#agents.keys()
  }

  /** True while the connection is up. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Returns the lease of a host; `undefined` for a host that is not there, or that is dead. */
  host(hostId: string): HostRecord | undefined {
    const isThere = this.status.hosts.some(({ id }) => id === hostId)
    return isThere ? this.#roster.hosts.get(hostId)?.record : undefined
  }

  /** Returns the owner of an agent, and its epoch; `undefined` for an agent that no host has ever had. */
  place(agent: AgentKey): PlaceRecord | undefined {
    return this.#places.get(keyOf(agent))?.record
  }

  /** Returns whether a host is there, as far as this caller may judge: it has a lease, and has renewed it. */
  isThere(hostId: string): boolean {
    const verdict = verdictOf(this.#roster, hostId, null, this.#clock.now())
    return verdict === 'alive' || verdict === 'unknown'
  }

  /** Public key of the hosts, for contexts; `undefined` if no host has one. A dead host, whose lease stays, counts not. */
  get contextKey(): string | undefined {
    const keys = this.status.hosts.map(({ id }) => this.#roster.hosts.get(id)?.record.contextKey)
    return keys.find((key) => key !== undefined)
  }

  get status(): ClusterStatus {
    const now = this.#clock.now()
    return clusterStatus({ roster: this.#roster, places: this.#places, now, at: Date.now() })
  }

  #onAgent({ key, value }: EntryChange<SpecRecord>): void {
    const agent = agentOf(key)
    if (value !== undefined && !isRemoved(value)) this.#agents.set(agent.agentId, agent)
    else if (this.#agents.get(agent.agentId)?.tenant === agent.tenant) this.#agents.delete(agent.agentId)
  }

  #onHost({ key, value, revision }: EntryChange<HostRecord>): void {
    const now = this.#clock.now()
    if (!value) this.#roster = noteGone(this.#roster, key)
    else {
      const leaseMs = value.leaseMs ?? this.#roster.leaseMs
      this.#roster = { ...noteHost(this.#roster, key, { record: value, revision, now }), leaseMs }
    }
    this.changed$.next(undefined)
  }

  #onPlace({ key, value }: EntryChange<PlaceRecord>): void {
    if (value) this.#places.set(key, { record: value })
    else this.#places.delete(key)
    this.changed$.next(undefined)
  }

  /** Looks for hosts that have become late. The looks are the caller's own signs of life. */
  async #lookAgainAndAgain(): Promise<void> {
    while (!this.#signal.aborted) {
      if (this.#isUp) this.#roster = noteRenewed(this.#roster, this.#clock.now())
      this.changed$.next(undefined)
      await elapse(this.#clock, Math.min(lookMs, this.#roster.leaseMs / 5), this.#signal)
    }
    this.changed$.complete()
  }
}
