import type { ClusterStore, Register } from '../../cluster/store/cluster-store.ts'
import { ClusterStoreError } from '../../cluster/store/cluster-store.ts'
import type { TurnNote } from '../../cluster/store/records.ts'
import { patiently } from './patiently.ts'

/** Time for which a note waits for a store that is away, in ms. */
const limitMs = 5_000

/** Ids of turns. Any other text is a pattern, or no subject of NATS. */
const idForm = /^[\w-]{1,128}$/

/** Returns whether a text may be the id of a turn of the cluster. */
export const isTurnId = (text: string): boolean => idForm.test(text)

/** Notes of the turns that gateways have taken: by them a turn is one turn, whichever gateway takes it. */
export class TurnNotes {
  readonly #notes: Register<TurnNote>

  constructor({ turns }: Pick<ClusterStore, 'turns'>) {
    this.#notes = turns
  }

  /**
   * Notes a turn. Returns the note that another request has written before; `undefined` for a new turn.
   *
   * @throws ClusterStoreError
   */
  take(turnId: string, note: TurnNote): Promise<TurnNote | undefined> {
    return patiently(() => this.#take(turnId, note), { limitMs })
  }

  async #take(turnId: string, note: TurnNote): Promise<TurnNote | undefined> {
    for (;;)
      try {
        await this.#notes.set(turnId, note, 0)
        return undefined
      } catch (error) {
        if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
        const known = (await this.#notes.get(turnId))?.value
        // A missing note was deleted meanwhile: the turn was refused.
        if (known) return known.nonce === note.nonce ? undefined : known
      }
  }

  /** Returns the note of a turn. @throws ClusterStoreError */
  async get(turnId: string): Promise<TurnNote | undefined> {
    if (!isTurnId(turnId)) return undefined
    return (await patiently(() => this.#notes.get(turnId), { limitMs }))?.value
  }

  /** Removes the note of a turn that was refused. @throws ClusterStoreError */
  forget(turnId: string): Promise<void> {
    return patiently(
      async () => {
        const entry = await this.#notes.get(turnId)
        if (entry) await this.#notes.delete(turnId, entry.revision)
      },
      { limitMs },
    )
  }
}
