import { ClusterStoreError, type Entry, type EntryChange, type Register } from '../cluster-store.ts'
import { copied, listenUntil, type Link } from './link.ts'

type Listener<T> = (change: EntryChange<T>) => void

/** Values of a register, which all connections share. */
export class SharedValues<T> {
  /** Last change of each key; a deleted key keeps its revision. */
  readonly changes = new Map<string, EntryChange<T>>()
  readonly #listeners = new Set<Listener<T>>()
  #revision = 0

  /** Returns the value of a key; `undefined` for none. */
  entry(key: string): Entry<T> | undefined {
    const change = this.changes.get(key)
    return change?.value === undefined ? undefined : { ...change, value: copied(change.value) }
  }

  /** Sets or deletes a value. @throws ClusterStoreError `stale` */
  change(key: string, value: T | undefined, expected: number): number {
    const present = this.entry(key)?.revision ?? 0
    if (present !== expected)
      throw new ClusterStoreError('stale', `The value of ${key} has the revision ${present}, not ${expected}`)
    const change = { key, value: value === undefined ? undefined : copied(value), revision: ++this.#revision }
    this.changes.set(key, change)
    for (const listener of [...this.#listeners]) listener(change)
    return change.revision
  }

  listen(listener: Listener<T>, signal: AbortSignal): void {
    listenUntil(this.#listeners, listener, signal)
  }
}

/** Register in memory, as one connection sees it. */
export class MemoryRegister<T> implements Register<T> {
  readonly #values: SharedValues<T>
  readonly #link: Link

  constructor(values: SharedValues<T>, link: Link) {
    this.#values = values
    this.#link = link
  }

  get(key: string): Promise<Entry<T> | undefined> {
    return this.#link.call(() => this.#values.entry(key))
  }

  set(key: string, value: T, revision: number): Promise<number> {
    return this.#link.call(() => this.#values.change(key, value, revision))
  }

  async delete(key: string, revision: number): Promise<void> {
    await this.#link.call(() => this.#values.change(key, undefined, revision))
  }

  async watch(listener: Listener<T>, signal: AbortSignal): Promise<void> {
    const seen = new Map<string, number>()
    const emit = (change: EntryChange<T>): void =>
      this.#link.emit(() => {
        if (change.revision <= (seen.get(change.key) ?? 0)) return
        seen.set(change.key, change.revision)
        listener({ ...change, value: change.value === undefined ? undefined : copied(change.value) })
      }, signal)
    const emitAll = (): void => [...this.#values.changes.values()].forEach(emit)
    this.#values.listen(emit, signal)
    this.#link.onState((state) => {
      if (state === 'up') emitAll()
    }, signal)
    await this.#link.call(emitAll)
  }
}
