import { elapse, type SystemClock } from '../../../actors/clock.ts'
import type { PendingRequest } from '../../../replies.ts'
import { ClusterStoreError, turnKeyOf, type AgentKey, type Register } from '../../store/cluster-store.ts'
import type { OpenRequests } from '../../store/records.ts'
import type { TurnFact } from '../../turn-facts.ts'

/** Wait before the list is stored again after a failure, in ms. */
const retryMs = 200

/** Terms of a board: the turn, its owner, and the store. */
export interface BoardTerms {
  readonly requests: Register<OpenRequests>
  readonly agent: AgentKey
  readonly turnId: string
  readonly epoch: number
  readonly clock: SystemClock
  /** Signal that ends all writing, because the owner has lost the agent. */
  readonly signal: AbortSignal
}

/**
 * List of a turn's open requests in the store, so that each gateway shows the requests of all agents. The records of the
 * turn are the truth: a list that is stored late shows a request that is closed already.
 */
export class RequestBoard {
  readonly #terms: BoardTerms
  readonly #open = new Map<string, PendingRequest>()
  /** Revision of the stored list; 0 for none, `undefined` if not known. */
  #revision: number | undefined = 0
  #isDirty = false
  #saving: Promise<void> | undefined

  constructor(terms: BoardTerms) {
    this.#terms = terms
  }

  /** Takes a fact of the turn. */
  note(fact: TurnFact): void {
    if (fact.kind === 'request' && fact.pending.expiresAt > fact.pending.at) {
      const { agentId, tenant } = this.#terms.agent
      this.#open.set(fact.pending.request.id, { ...fact.pending, agentId, tenant })
    } else if (fact.kind !== 'request_closed' || !this.#open.delete(fact.requestId)) return
    this.#save()
  }

  /** Deletes the list, also one that an earlier owner has left. */
  clear(isLeft = false): void {
    if (isLeft) this.#revision = undefined
    if (!isLeft && this.#open.size === 0 && !this.#saving) return
    this.#open.clear()
    this.#save()
  }

  /** Resolves when the list is stored as it is now, or cannot be stored; never rejects. */
  async saved(): Promise<void> {
    await this.#saving
  }

  #save(): void {
    this.#isDirty = true
    this.#saving ??= this.#saveAll()
  }

  async #saveAll(): Promise<void> {
    const { clock, signal } = this.#terms
    while (this.#isDirty && !signal.aborted) {
      this.#isDirty = false
      try {
        await this.#saveOnce()
      } catch (error) {
        this.#isDirty = true
        if (error instanceof ClusterStoreError && error.fault === 'denied') break
        this.#revision = undefined
        await elapse(clock, retryMs, signal)
      }
    }
    // At once: a change from now on is not stored by this call.
    this.#saving = undefined
  }

  async #saveOnce(): Promise<void> {
    const { requests, turnId, agent, epoch } = this.#terms
    const key = turnKeyOf(agent, turnId)
    const open = [...this.#open.values()]
    if (this.#revision === undefined) {
      const stored = await requests.get(key)
      if (stored && stored.value.epoch > epoch) return
      this.#revision = stored?.revision ?? 0
    }
    if (open.length > 0) this.#revision = await requests.set(key, { ...agent, epoch, open }, this.#revision)
    else if (this.#revision > 0) {
      await requests.delete(key, this.#revision)
      this.#revision = 0
    }
  }
}
