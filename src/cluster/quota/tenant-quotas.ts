import { elapse, type SystemClock } from '../../actors/clock.ts'
import type { ClusterStore, EntryChange } from '../store/cluster-store.ts'
import type { Known, QuotaRecord } from '../store/records.ts'
import { claimPlaces, noQuota, type Need } from './shares.ts'

/** Wait before a store that did not answer is asked again, in ms. */
const retryMs = 100

/** Run of a host that uses places. */
export interface QuotaTerms {
  readonly store: Pick<ClusterStore, 'quotas' | 'hosts'>
  readonly hostId: string
  readonly incarnation: string
  readonly leaseMs: number
  readonly clock: SystemClock
  /** Signal that aborts when the host is no member any more. */
  readonly signal: AbortSignal
}

/** Places of one tenant on this host. */
interface Tenant {
  running: number
  waiting: number
  /** Places that the host has got and not used yet. */
  fresh: number
  allowed: number
  record: QuotaRecord
  revision: number
  isBusy: boolean
  isChanged: boolean
  /** Runs of hosts of the record that are known to be over, by host. */
  gone: ReadonlyMap<string, string>
  /** True while a later look at the hosts in the way is planned. */
  isLooking: boolean
}

/**
 * Places of the tenants that have a cap of running turns over the whole cluster. A host takes a place by compare-and-set
 * before the turn runs, so that the hosts together never take more than the cap.
 */
export class TenantQuotas {
  readonly #capOf: (tenant: string) => number | undefined
  readonly #tenants = new Map<string, Tenant>()
  /** Runs of hosts that were judged dead, by host. */
  #dead: ReadonlyMap<string, string> = new Map()
  #terms: QuotaTerms | undefined
  /** Called when a turn of some tenant may start. */
  onPlaces: () => void = () => undefined

  /** @param capOf - returns the most running turns of a tenant over all hosts; `undefined` without a cap */
  constructor(capOf: (tenant: string) => number | undefined) {
    this.#capOf = capOf
  }

  /** Begins with a run of the host, which has no places yet. */
  begin(terms: QuotaTerms): void {
    this.#terms = terms
    for (const tenant of this.#tenants.values()) tenant.allowed = tenant.fresh = 0
    for (const name of this.#tenants.keys()) this.#settle(name)
  }

  /** Returns whether one turn more of a tenant may run on this host. */
  mayStart(name: string): boolean {
    const cap = this.#capOf(name)
    const tenant = this.#tenants.get(name)
    return cap === undefined || (tenant !== undefined && tenant.running < tenant.allowed)
  }

  /** Notes the turns of a tenant on this host. */
  note(name: string, running: number, waiting: number): void {
    if (this.#capOf(name) === undefined) return
    const tenant = this.#tenantOf(name)
    tenant.fresh = Math.max(0, tenant.fresh - Math.max(0, running - tenant.running))
    tenant.running = running
    tenant.waiting = waiting
    this.#settle(name)
  }

  /** Notes a change of the places of a tenant. */
  onChange({ key, value, revision }: EntryChange<QuotaRecord>): void {
    if (this.#capOf(key) === undefined) return
    const [tenant, terms] = [this.#tenantOf(key), this.#terms]
    if (value && terms && noteRecord(tenant, { record: value, revision }, terms)) this.#settle(key)
  }

  /** Notes the hosts that are dead now, with their runs. */
  noteDead(dead: ReadonlyMap<string, string>): void {
    this.#dead = dead
    for (const [name, { waiting }] of this.#tenants) if (waiting > 0) void this.#lookForGone(name)
  }

  #tenantOf(name: string): Tenant {
    const found = this.#tenants.get(name)
    if (found) return found
    const tenant: Tenant = {
      ...{ running: 0, waiting: 0, fresh: 0, allowed: 0, record: noQuota, revision: 0 },
      ...{ isBusy: false, isChanged: false, gone: new Map<string, string>(), isLooking: false },
    }
    this.#tenants.set(name, tenant)
    return tenant
  }

  #needOf(name: string, { running, waiting, fresh }: Tenant, { hostId, incarnation }: QuotaTerms): Need {
    return { hostId, incarnation, running, waiting, fresh, cap: this.#capOf(name) ?? Infinity }
  }

  /** Applies what the present record allows, and stores what it should be. */
  #settle(name: string): void {
    const [tenant, terms] = [this.#tenantOf(name), this.#terms]
    if (!terms || terms.signal.aborted) return
    const { allowed, record, blockers } = claimPlaces(
      tenant.record,
      this.#needOf(name, tenant, terms),
      tenant.gone,
    )
    // A place that a write under way gives back must not be used meanwhile.
    const isMore = allowed > tenant.allowed && !tenant.isBusy
    if (allowed < tenant.allowed || isMore) tenant.allowed = allowed
    if (isMore) queueMicrotask(this.onPlaces)
    if (blockers.length > 0) void this.#lookLater(name)
    if (!record) return
    tenant.isChanged = true
    if (!tenant.isBusy) void this.#store(name)
  }

  async #store(name: string): Promise<void> {
    const [tenant, terms] = [this.#tenantOf(name), this.#terms]
    if (!terms) return
    const { store, clock, signal } = terms
    tenant.isBusy = true
    // Changes of a moment travel together.
    await Promise.resolve()
    let isUnsure = false
    while (tenant.isChanged && !signal.aborted) {
      tenant.isChanged = false
      const claimed = claimPlaces(tenant.record, this.#needOf(name, tenant, terms), tenant.gone)
      // A write without an answer may still arrive, unless a later one has changed the revision.
      const record = claimed.record ?? (isUnsure ? tenant.record : undefined)
      if (!record) break
      tenant.allowed = Math.min(tenant.allowed, takenOf(record, terms))
      try {
        const revision = await store.quotas.set(name, record, tenant.revision)
        noteRecord(tenant, { record, revision }, terms)
        isUnsure = false
      } catch {
        isUnsure = true
        await this.#reload(name, tenant, terms)
        tenant.isChanged = true
        await elapse(clock, retryMs / 10, signal)
      }
    }
    tenant.isBusy = false
    this.#settle(name)
  }

  /** Reads the record from the leader: the answer to a write may be lost, or the watch may be late. */
  async #reload(name: string, tenant: Tenant, terms: QuotaTerms): Promise<void> {
    const { store, clock, signal } = terms
    while (!signal.aborted)
      try {
        const entry = await store.quotas.get(name)
        if (entry) noteRecord(tenant, { record: entry.value, revision: entry.revision }, terms)
        else Object.assign(tenant, { record: noQuota, revision: 0, allowed: 0, fresh: 0 })
        return
      } catch {
        await elapse(clock, retryMs, signal)
      }
  }

  /** Looks a little later whether the hosts that have the places are still there. */
  async #lookLater(name: string): Promise<void> {
    const [tenant, terms] = [this.#tenantOf(name), this.#terms]
    if (tenant.isLooking || !terms) return
    tenant.isLooking = true
    await elapse(terms.clock, terms.leaseMs / 4, terms.signal)
    tenant.isLooking = false
    if (tenant.waiting > 0) await this.#lookForGone(name)
  }

  /** Finds the hosts of the record whose run is over: dead, or with another lease than that of the run. */
  async #lookForGone(name: string): Promise<void> {
    const [tenant, terms] = [this.#tenantOf(name), this.#terms]
    if (!terms) return
    const gone = new Map<string, string>()
    for (const [id, { incarnation }] of Object.entries(tenant.record.hosts)) {
      if (id === terms.hostId) continue
      const isGone = this.#dead.get(id) === incarnation || (await isOver(terms, id, incarnation))
      if (isGone) gone.set(id, incarnation)
    }
    tenant.gone = gone
    this.#settle(name)
  }
}

/** Returns the places that a run of a host has by a record. */
function takenOf({ hosts }: QuotaRecord, { hostId, incarnation }: QuotaTerms): number {
  const share = hosts[hostId]
  return share?.incarnation === incarnation ? share.taken : 0
}

/** Notes a record of a tenant, unless a later one is known. Returns whether the record is news. */
function noteRecord(tenant: Tenant, { record, revision }: Known<QuotaRecord>, terms: QuotaTerms): boolean {
  if (revision <= tenant.revision) return false
  const taken = takenOf(record, terms)
  const got = taken - takenOf(tenant.record, terms)
  tenant.fresh = got > 0 ? tenant.fresh + got : Math.max(0, Math.min(tenant.fresh, taken - tenant.running))
  tenant.record = record
  tenant.revision = revision
  return true
}

/** Returns whether a run of a host has ended: its lease is deleted, or another run has it. */
async function isOver({ store }: QuotaTerms, hostId: string, incarnation: string): Promise<boolean> {
  try {
    const lease = await store.hosts.get(hostId)
    return lease?.value.incarnation !== incarnation
  } catch {
    return false
  }
}
