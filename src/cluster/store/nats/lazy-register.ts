import type { Entry, EntryChange, Register } from '../cluster-store.ts'

/** Register that is opened by its first use, so that a program without rights on the register can connect. */
export class LazyRegister<T> implements Register<T> {
  readonly #open: () => Promise<Register<T>>
  #opening: Promise<Register<T>> | undefined

  /** @param open - opens the register; called again after a failure */
  constructor(open: () => Promise<Register<T>>) {
    this.#open = open
  }

  async get(key: string): Promise<Entry<T> | undefined> {
    return (await this.#register()).get(key)
  }

  async set(key: string, value: T, revision: number, timeoutMs?: number): Promise<number> {
    return (await this.#register()).set(key, value, revision, timeoutMs)
  }

  async delete(key: string, revision: number): Promise<void> {
    await (await this.#register()).delete(key, revision)
  }

  async watch(listener: (change: EntryChange<T>) => void, signal: AbortSignal): Promise<void> {
    await (await this.#register()).watch(listener, signal)
  }

  #register(): Promise<Register<T>> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }
}
