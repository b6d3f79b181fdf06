import { setTimeout as wait } from 'node:timers/promises'
import { onAbort } from '../../../util/abort-signal.ts'
import { deferred } from '../../../util/deferred.ts'
import { keyOf, type CallerStore, type Entry, type EntryChange } from '../cluster-store.ts'
import { asStoreError } from './faults.ts'
import type { TenantView } from './questions.ts'

/** Time between two questions for the view, in ms. */
const pollMs = 1_000

/** Registers of the agents, hosts and places that a tenant may see: asked for again and again. */
export class TenantRegisters implements Pick<CallerStore, 'agents' | 'hosts' | 'places'> {
  readonly agents = new PolledRegister<Readonly<Record<string, unknown>>>()
  readonly hosts = new PolledRegister<TenantView['hosts'][number]['value']>()
  readonly places = new PolledRegister<TenantView['places'][number]['value']>()
  readonly #tenant: string

  /** @param ask - asks a host for the view */
  constructor(tenant: string, ask: () => Promise<TenantView>, signal: AbortSignal) {
    this.#tenant = tenant
    void this.#poll(ask, signal)
  }

  async #poll(ask: () => Promise<TenantView>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#take(await ask())
      } catch (error) {
        for (const register of [this.agents, this.hosts, this.places]) register.fail(error)
      }
      await wait(pollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  #take({ agents, hosts, places }: TenantView): void {
    const tenant = this.#tenant
    this.agents.take(agents.map((agentId) => ({ key: keyOf({ tenant, agentId }), value: {}, revision: 1 })))
    this.hosts.take(hosts)
    this.places.take(places)
  }
}

/** Register whose values are asked for as a whole. */
class PolledRegister<T> {
  readonly #known = new Map<string, Entry<T>>()
  readonly #listeners = new Set<(change: EntryChange<T>) => void>()
  readonly #first = deferred<undefined>()
  #isSettled = false

  /** Takes all present values, and emits what has changed. */
  take(entries: readonly Entry<T>[]): void {
    const keys = new Set(entries.map(({ key }) => key))
    for (const [key, { revision }] of this.#known)
      if (!keys.has(key)) {
        this.#known.delete(key)
        this.#emit({ key, value: undefined, revision })
      }
    for (const entry of entries) {
      const known = this.#known.get(entry.key)
      // Hosts answer in turn, and one may be behind another.
      if (known && known.revision >= entry.revision) continue
      this.#known.set(entry.key, entry)
      this.#emit(entry)
    }
    this.#settle(Promise.resolve(undefined))
  }

  /** Ends the wait for the first values. */
  fail(error: unknown): void {
    this.#settle(Promise.reject(asStoreError(error)))
  }

  async watch(listener: (change: EntryChange<T>) => void, signal: AbortSignal): Promise<void> {
    this.#listeners.add(listener)
    onAbort(signal, () => this.#listeners.delete(listener))
    for (const entry of this.#known.values()) listener(entry)
    await this.#first.promise
  }

  #settle(first: Promise<undefined>): void {
    // An error is told to the watches that begin; without one, nobody needs it.
    first.catch(() => undefined)
    if (!this.#isSettled) this.#first.resolve(first)
    this.#isSettled = true
    this.#first.promise.catch(() => undefined)
  }

  #emit(change: EntryChange<T>): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}
