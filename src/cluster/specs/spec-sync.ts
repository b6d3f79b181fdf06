import { filter } from 'rxjs'
import { elapse, type SystemClock } from '../../actors/clock.ts'
import type { ApplyResult, RemoveOptions } from '../../api/fleet/declare.ts'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { keptSpecs, reviseAgents, tenantOf, warnOf } from '../../api/fleet/internals.ts'
import { withKeysOf } from '../../config/spec-keys.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import type { HomeWipes } from '../homes/home-wipes.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import { mayPass, type AgentKey, type ClusterStore } from '../store/cluster-store.ts'
import { Removals } from './removals.ts'
import { hashOf, sharedSpec, type SharedSpec } from './spec-record.ts'
import { SpecRegister, type KnownSpec } from './spec-register.ts'

/** Wait before the store is asked again, in ms. */
const retryMs = 200
/** Wait before a home that could not be deleted is tried again, in ms. */
const stuckMs = 60_000
/** Number of agents that are compared at the same time when a host joins. */
const lanes = 16

/** Parts of the exchange of specs. */
export interface SpecSyncParts {
  readonly fleet: Fleet
  readonly store: Pick<ClusterStore, 'agents'>
  readonly hostId: string
  readonly clock: SystemClock
  readonly wipes: HomeWipes
}

/** Spec of an agent on this host, as hosts share it; both absent if the host has none. */
interface OwnSpec {
  readonly spec: SharedSpec | undefined
  readonly hash: string | undefined
}

/** Exchanges of specs by fleet, as long as the fleet is a host of a cluster. */
const members = new WeakMap<Fleet, SpecSync>()

/** Returns the exchange of the specs of a fleet; `undefined` if the fleet is no host of a cluster. */
export const specsOf = (fleet: Fleet): Pick<SpecSync, 'removeWithReplies'> | undefined => members.get(fleet)

/**
 * Keeps the agents of a fleet and the register of a cluster the same. A spec that differs from the one on which both
 * agreed last was declared here, and is written; otherwise the fleet adopts what the register has.
 */
export class SpecSync {
  readonly #fleet: Fleet
  readonly #clock: SystemClock
  readonly #register: SpecRegister
  readonly #stopped = new AbortController()
  /** Hashes of the specs on which the fleet and the register agreed last, by agent. */
  readonly #agreed = new Map<string, string | undefined>()
  /** Revisions that were adopted, or could not be. */
  readonly #adopted = new Map<string, number>()
  /** Agents whose spec in the cluster cannot be used on this host. */
  readonly #refused = new Set<string>()
  readonly #removals: Removals
  /** Agents whose former home could not be deleted, until the next attempt. */
  readonly #stuck = new Set<string>()
  /** Agents that are being removed with the replies of their turns. */
  readonly #erasing = new Set<string>()
  readonly #waiting = new Set<string>()
  readonly #last = new Map<string, Promise<void>>()
  #subscriptions: readonly { unsubscribe(): void }[] = []

  constructor({ fleet, store, hostId, clock, wipes }: SpecSyncParts) {
    this.#fleet = fleet
    this.#clock = clock
    this.#register = new SpecRegister(store, hostId)
    this.#removals = new Removals({
      ...{ register: this.#register, wipes, signal: this.#stopped.signal },
      again: (act) => this.#again(act),
      onError: (id, error) =>
        this.#warn(id, `The saved home of the agent is not deleted yet: ${messageOf(error)}`),
    })
  }

  /** Begins to exchange specs. Resolves when all present agents were compared. */
  async start(): Promise<void> {
    await this.#again(() => this.#register.watch(this.#stopped.signal))
    this.#compareAtStart()
    this.#subscriptions = this.#follow()
    members.set(this.#fleet, this)
    const ids = new Set([...keptSpecs(this.#fleet).keys(), ...this.#register.ids]).values()
    const lane = async (): Promise<void> => {
      for (const id of ids) await this.#settleSoon(id)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }

  stop(): void {
    this.#stopped.abort()
    if (members.get(this.#fleet) === this) members.delete(this.#fleet)
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }

  /** Returns whether the fleet has an agent, with the same tenant. */
  has({ tenant, agentId }: AgentKey): boolean {
    const spec = keptSpecs(this.#fleet).get(agentId)
    return spec !== undefined && tenantOf(this.#fleet, spec) === tenant
  }

  /** Returns whether the fleet can run an agent as the cluster declares it. */
  canRun(agent: AgentKey): boolean {
    if (!this.has(agent) || this.#refused.has(agent.agentId)) return false
    return ignoreErrors(() => this.#removals.hasOldHome(agent.agentId)) === false
  }

  /**
   * Removes an agent from the fleet and the cluster, with the replies of turns that end after that. Resolves when the
   * fleet has removed the agent; the result has a promise of the moment at which the cluster knows.
   *
   * @throws as `Fleet.remove`
   */
  async removeWithReplies(
    agentId: string,
    options: Required<RemoveOptions>,
  ): Promise<{ stored: Promise<void> }> {
    this.#erasing.add(agentId)
    try {
      await this.#fleet.remove(agentId, options)
    } finally {
      this.#erasing.delete(agentId)
    }
    return { stored: this.#settleSoon(agentId) }
  }

  /** Returns whether an agent was removed from the cluster. */
  isRemoved(agent: AgentKey): boolean {
    return this.#register.isRemoved(agent)
  }

  /** A spec that the cluster has seen before is an old one, which the present one replaces. */
  #compareAtStart(): void {
    for (const id of keptSpecs(this.#fleet).keys()) {
      const { hash } = this.#own(id)
      const known = this.#register.of(id)
      if (hash === undefined || !known?.seen.includes(hash)) continue
      this.#agreed.set(id, hash)
      if (known.isRemoved) this.#warn(id, 'The agent was removed from the cluster, and is removed here')
      else if (known.hash !== hash)
        this.#warn(id, 'The spec on this host is older than the one of the cluster, which replaces it')
    }
  }

  #follow(): { unsubscribe(): void }[] {
    const { events$, actor } = this.#fleet
    const isDeclared = (type: string): boolean => /^agent\.(added|changed|removed)$/.test(type)
    const removals = actor.on('agent.removed', (removal) =>
      this.#removals.note(removal, this.#erasing.has(removal.agentId)),
    )
    return [
      removals,
      events$
        .pipe(filter(({ type }) => isDeclared(type)))
        .subscribe(({ agentId }) => void this.#settleSoon(agentId)),
      this.#register.changed$.subscribe((agentId) => void this.#settleSoon(agentId)),
    ]
  }

  /** Compares an agent, after the comparisons before. */
  #settleSoon(id: string): Promise<void> {
    const before = this.#last.get(id) ?? Promise.resolve()
    if (this.#waiting.has(id)) return before
    this.#waiting.add(id)
    const settled = before.then(async () => {
      this.#waiting.delete(id)
      await this.#settle(id)
      if (this.#last.get(id) === settled) this.#last.delete(id)
    })
    this.#last.set(id, settled)
    return settled
  }

  async #settle(id: string): Promise<void> {
    if (this.#stopped.signal.aborted) return
    try {
      await this.#again(() => this.#register.settle(id))
      if (await this.#removals.fulfil(id)) this.#agreed.delete(id)
      if (!this.#stuck.has(id) && this.#removals.hasOldHome(id)) await this.#deleteHome(id)
      const own = this.#own(id)
      const known = this.#register.of(id)
      const isSame = known?.isRemoved === false && known.hash === own.hash
      if (isSame) this.#agree(id, own)
      else if (own.hash !== this.#agreed.get(id)) await this.#declare(id, own)
      else if (known && this.#adopted.get(id) !== known.revision) {
        await (known.isRemoved ? this.#drop(id, known, own) : this.#adopt(id, known, own))
        this.#adopted.set(id, known.revision)
      }
    } catch (error) {
      this.#warn(id, `The agent is not as the cluster has it: ${messageOf(error)}`)
    }
  }

  /** Deletes the home of an agent that another host has removed. An agent that is declared, here or there, stays. */
  async #deleteHome(id: string): Promise<void> {
    const known = this.#register.of(id)
    const decided = { isDropped: false }
    const keeps = (): boolean => {
      const { hash } = this.#own(id)
      decided.isDropped = known?.isRemoved === true && hash === this.#agreed.get(id)
      return hash !== undefined && !decided.isDropped
    }
    const isDone = await this.#removals.follow(id, keeps).then(
      () => true,
      (error: unknown) => this.#tryLater(id, error),
    )
    // An agent that the fleet has dropped was not removed by a user here, also if the home is still there.
    if (decided.isDropped && (isDone || this.#own(id).hash === undefined)) this.#agreed.delete(id)
  }

  /** Tries again after a time to delete a home: at once would fail again, and each attempt stops the agent's server. */
  #tryLater(id: string, error: unknown): false {
    const { signal } = this.#stopped
    signal.throwIfAborted()
    this.#warn(
      id,
      `The former home of the agent cannot be deleted, so that the agent does not run here; it is tried again each minute: ${messageOf(error)}`,
    )
    this.#stuck.add(id)
    void elapse(this.#clock, stuckMs, signal).then(() => {
      this.#stuck.delete(id)
      void this.#settleSoon(id)
    })
    return false
  }

  /** Writes what was declared here: the later declaration wins. */
  async #declare(id: string, { spec, hash }: OwnSpec): Promise<void> {
    const drainMs = this.#removals.takeDrainMs(id)
    await this.#again(() => (spec ? this.#register.declare(spec) : this.#register.remove(id, { drainMs })))
    this.#agree(id, { spec, hash })
  }

  #agree(id: string, { hash }: OwnSpec): void {
    this.#agreed.set(id, hash)
    this.#refused.delete(id)
  }

  /** Gives the fleet the spec of the cluster, with the keys that the fleet has, unless another was declared meanwhile. */
  async #adopt(id: string, { spec }: KnownSpec, own: OwnSpec): Promise<void> {
    let put: AgentSpec | undefined
    try {
      const { unchanged } = await reviseAgents(this.#fleet, [id], (kept) => {
        const before = kept.get(id)
        put = this.#own(id).hash === own.hash ? withKeysOf(before ?? spec, spec) : undefined
        return { put: put ? [put] : [] }
      })
      if (put && !unchanged.includes(id)) this.#agreed.set(id, hashOf(sharedSpec(put, spec.tenant)))
      if (put) this.#refused.delete(id)
    } catch (error) {
      this.#refused.add(id)
      const message = `The spec of the cluster cannot be used on this host, which leaves the agent to others: ${messageOf(error)}`
      this.#warn(id, message)
    }
  }

  /** Removes an agent that was removed from the cluster, unless it was declared here meanwhile. */
  async #drop(id: string, { drainMs }: KnownSpec, own: OwnSpec): Promise<void> {
    if (own.hash === undefined) return
    const { removed }: ApplyResult = await reviseAgents(this.#fleet, [id], () => {
      const isSame = this.#own(id).hash === own.hash
      return { put: [], ...(isSame && { remove: [id], drainMs }) }
    })
    if (removed.length > 0) this.#agreed.delete(id)
  }

  #own(id: string): OwnSpec {
    const kept = keptSpecs(this.#fleet).get(id)
    const spec = kept && sharedSpec(kept, tenantOf(this.#fleet, kept))
    return { spec, hash: spec && hashOf(spec) }
  }

  /** Calls the store again and again until it answers. @throws ClusterStoreError if the store refuses */
  async #again(act: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted)
      try {
        await act()
        return
      } catch (error) {
        if (!mayPass(error)) throw error
        await elapse(this.#clock, retryMs, signal)
      }
  }

  #warn(agentId: string, message: string): void {
    warnOf(this.#fleet, message, { agentId })
  }
}
