/** Most closed requests that are remembered. */
const most = 10_000

/** Agent whose request was closed. */
export interface Asker {
  agentId: string
  tenant: string
}

/** Requests that were closed lately, so that a late answer is told apart from the answer to no request. */
export class ClosedRequests {
  readonly #askers = new Map<string, Asker>()

  add(requestId: string, asker: Asker): void {
    this.#askers.set(requestId, asker)
    const [oldest] = this.#askers.keys()
    if (this.#askers.size > most && oldest !== undefined) this.#askers.delete(oldest)
  }

  /** Returns the agent whose request was closed; `undefined` for an unknown request. */
  get(requestId: string): Asker | undefined {
    return this.#askers.get(requestId)
  }
}
