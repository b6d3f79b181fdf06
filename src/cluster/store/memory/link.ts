import { onAbort } from '../../../util/abort-signal.ts'
import { ClusterStoreError } from '../cluster-store.ts'

const unavailable = (what: string): ClusterStoreError =>
  new ClusterStoreError('unavailable', `The store does not answer: ${what}`)

/** Connection of one program to a store in memory, with the faults of a real one. */
export class Link {
  /** Loses the answer of each call, after the store has done what was asked. */
  losesAnswers = false
  #isUp = true
  readonly #listeners = new Set<(state: 'up' | 'down') => void>()

  get isUp(): boolean {
    return this.#isUp
  }

  /** Cuts the connection: calls fail, and nothing is emitted. */
  cut(): void {
    this.#set(false)
  }

  /** Brings the connection back. */
  mend(): void {
    this.#set(true)
  }

  /** Calls the store. What is asked and answered travels as JSON. */
  async call<T>(ask: () => T): Promise<T> {
    await Promise.resolve()
    this.#requireUp('the connection is cut')
    const answer = ask()
    await Promise.resolve()
    this.#requireUp('the answer was lost')
    if (this.losesAnswers) throw unavailable('the answer was lost')
    return answer
  }

  #requireUp(otherwise: string): void {
    if (!this.#isUp) throw unavailable(otherwise)
  }

  /** Emits something to a listener later, unless the connection is cut or the signal has aborted. */
  emit(listener: () => void, signal: AbortSignal): void {
    queueMicrotask(() => {
      if (this.#isUp && !signal.aborted) listener()
    })
  }

  /** Adds a listener to a set until the signal aborts. */
  onState(listener: (state: 'up' | 'down') => void, signal: AbortSignal): void {
    listenUntil(this.#listeners, listener, signal)
  }

  #set(isUp: boolean): void {
    if (this.#isUp === isUp) return
    this.#isUp = isUp
    for (const listener of [...this.#listeners]) listener(isUp ? 'up' : 'down')
  }
}

/** Adds a listener to a set until a signal aborts. */
export function listenUntil<L>(listeners: Set<L>, listener: L, signal: AbortSignal): void {
  if (signal.aborted) return
  listeners.add(listener)
  onAbort(signal, () => listeners.delete(listener))
}

/** Returns a copy of a value as it travels: as JSON. */
export const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
