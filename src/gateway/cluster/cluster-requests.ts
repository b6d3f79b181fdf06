import { firstValueFrom, merge, Subject, timeout, filter, type Observable } from 'rxjs'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { turnOfKey, type ClusterStore, type EntryChange } from '../../cluster/store/cluster-store.ts'
import type { OpenRequests } from '../../cluster/store/records.ts'
import { RequestClosedError } from '../../errors.ts'
import type { PendingRequest, RequestAnswer } from '../../replies.ts'
import { requestsOf } from '../turns/fleet-turns.ts'
import type { ClosedRequest, RequestSource } from '../turns/turn-source.ts'
import type { FollowedTurns } from './followed-turns.ts'
import { requireInTime } from './in-time.ts'

/** Time for a request to come with the records of its turn, in ms. */
const comeMs = 5_000

/** Requests of the agents of a cluster, as the owners of the turns list them in the store. */
export class ClusterRequests implements RequestSource {
  readonly closed$: Observable<ClosedRequest>
  readonly #closed = new Subject<ClosedRequest>()
  readonly #ofFleet: RequestSource
  readonly #followed: FollowedTurns
  /** Open requests by the key of their turn. */
  readonly #turns = new Map<string, OpenRequests>()

  /** @param fleet - fleet of this process, whose own turns may ask, too */
  constructor(fleet: Fleet, followed: FollowedTurns) {
    this.#ofFleet = requestsOf(fleet)
    this.#followed = followed
    this.closed$ = merge(this.#ofFleet.closed$, this.#closed)
  }

  /** Begins to follow the lists. Resolves when the present ones are known. @throws ClusterStoreError */
  watch({ requests }: Pick<ClusterStore, 'requests'>, closed: AbortSignal): Promise<void> {
    return requests.watch((change) => this.#onChange(change), closed)
  }

  get open(): readonly PendingRequest[] {
    const now = Date.now()
    const listed = [...this.#turns.values()].flatMap(({ open }) => open)
    // A list whose owner has died stays until the next owner has the turn.
    const open = listed.filter(({ expiresAt }) => expiresAt > now)
    const ids = new Set(open.map(({ request }) => request.id))
    const others = this.#ofFleet.open.filter(({ request }) => !ids.has(request.id))
    return [...open, ...others].sort((a, b) => a.at - b.at)
  }

  async answer(requestId: string, answer: RequestAnswer): Promise<void> {
    const [key, list] = [...this.#turns].find(([, { open }]) => isAmong(open, requestId)) ?? []
    if (key === undefined || !list) return this.#ofFleet.answer(requestId, answer)
    const { tenant, agentId } = list
    const { followed, release } = this.#followed.join({ tenant, agentId }, turnOfKey(key), null)
    try {
      await requireInTime(comeMs, followed.settled)
      const { turn } = followed
      const isThere = filter((open: PendingRequest[]) => isAmong(open, requestId))
      await firstValueFrom(turn.openRequests$.pipe(isThere, timeout(comeMs))).catch(() => {
        throw new RequestClosedError(`The request ${requestId} is closed`)
      })
      await turn.answer(requestId, answer)
    } finally {
      release()
    }
  }

  #onChange({ key, value }: EntryChange<OpenRequests>): void {
    const before = this.#turns.get(key)
    if (value) this.#turns.set(key, value)
    else this.#turns.delete(key)
    for (const { request } of before?.open ?? [])
      if (before && !isAmong(value?.open ?? [], request.id))
        this.#closed.next({
          ...{ requestId: request.id, turnId },
          ...{ agentId: before.agentId, tenant: before.tenant },
        })
  }
}

const isAmong = (open: readonly PendingRequest[], requestId: string): boolean =>
  open.some(({ request }) => request.id === requestId)
