import type { Reports } from '../cluster-store.ts'
import { copied, listenUntil, type Link } from './link.ts'

/** Programs that watch reports, or that are asked for them, over all connections. */
export class SharedReports {
  readonly watchers = new Set<(hostId: string, report: unknown) => void>()
  readonly asked = new Set<() => void>()
}

/** Reports in memory, as one connection sees them. */
export class MemoryReports implements Reports {
  readonly #shared: SharedReports
  readonly #link: Link

  constructor(shared: SharedReports, link: Link) {
    this.#shared = shared
    this.#link = link
  }

  send(hostId: string, report: unknown): boolean {
    if (!this.#link.isUp) return false
    for (const watcher of [...this.#shared.watchers]) watcher(hostId, copied(report))
    return true
  }

  watch(listener: (hostId: string, report: unknown) => void, signal: AbortSignal): void {
    const emit = (hostId: string, report: unknown): void =>
      this.#link.emit(() => listener(hostId, report), signal)
    listenUntil(this.#shared.watchers, emit, signal)
  }

  ask(): void {
    if (this.#link.isUp) for (const listener of [...this.#shared.asked]) listener()
  }

  onAsk(listener: () => void, signal: AbortSignal): void {
    listenUntil(this.#shared.asked, () => this.#link.emit(listener, signal), signal)
  }
}
