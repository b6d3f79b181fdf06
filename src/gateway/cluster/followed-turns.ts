import { Subject } from 'rxjs'
import type { CallerParts, SendTerms } from '../../cluster/client/caller-parts.ts'
import type { AgentKey } from '../../cluster/store/cluster-store.ts'
import type { NamedInput, RequestNews } from '../turns/turn-source.ts'
import { FollowedTurn } from './followed-turn.ts'
import { RecordPages } from './record-pages.ts'

/** Time for which a turn without users is followed on, in ms: a client that asks again and again costs one following. */
const lingerMs = 15_000

/** Use of a followed turn. */
export interface TurnUse {
  readonly followed: FollowedTurn
  /** Ends the use. A further call does nothing. */
  readonly release: () => void
}

/** Followed turn with its users. */
interface Entry {
  readonly followed: FollowedTurn
  users: number
  timer: NodeJS.Timeout | undefined
}

/** Turns of the cluster that this gateway has sent, or that its clients look at; each is followed once. */
export class FollowedTurns {
  readonly news$ = new Subject<RequestNews>()
  readonly #parts: CallerParts
  readonly #entries = new Map<string, Entry>()

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  /** Returns a turn that is followed. */
  get(turnId: string): FollowedTurn | undefined {
    return this.#entries.get(turnId)?.followed
  }

  /**
   * Sends a turn, and follows it. A turn that is followed already is only sent again: the same id is the same turn.
   *
   * @throws ClusterStoreError if a turn could not be sent again
   */
  async send(agent: AgentKey, input: NamedInput, fields: SendTerms['fields'] = {}): Promise<TurnUse> {
    const { turnId } = input
    const known = this.#entries.get(turnId)
    // A refused turn may be taken now.
    if (known && !known.followed.isCutOff) {
      const use = this.#use(known)
      await this.#parts.resend(agent, input, fields)
      return use
    }
    const followed = this.#make(agent, turnId)
    const terms: SendTerms = { fields, onFacts: (facts, place) => followed.take(facts, place) }
    return this.#use(this.#add(followed.attach(this.#parts.send(agent, input, terms))))
  }

  /** Follows a turn that some caller has sent. */
  join(agent: AgentKey, turnId: string, deadlineMs: number | null): TurnUse {
    const known = this.#entries.get(turnId)
    if (known) return this.#use(known)
    const followed = this.#make(agent, turnId)
    const onFacts: SendTerms['onFacts'] = (facts, place) => followed.take(facts, place)
    return this.#use(this.#add(followed.attach(this.#parts.join(agent, turnId, { deadlineMs, onFacts }))))
  }

  /** Forgets a turn that was refused, whose id may become another turn. */
  forget(turnId: string): void {
    const entry = this.#entries.get(turnId)
    if (entry) this.#drop(entry)
  }

  /** Ends all following. The turns go on. */
  close(): void {
    for (const { followed, timer } of this.#entries.values()) {
      clearTimeout(timer)
      followed.detach()
    }
    this.#entries.clear()
    this.news$.complete()
  }

  #make(agent: AgentKey, id: string): FollowedTurn {
    const pages = new RecordPages(this.#parts.store.records, agent, id)
    return new FollowedTurn({ id, agent, pages, onNews: (news) => this.news$.next(news) })
  }

  #add(followed: FollowedTurn): Entry {
    const entry: Entry = { followed, users: 0, timer: undefined }
    this.#entries.set(followed.id, entry)
    return entry
  }

  #use(entry: Entry): TurnUse {
    entry.users++
    clearTimeout(entry.timer)
    let isUsed = true
    return {
      followed: entry.followed,
      release: () => {
        if (!isUsed) return
        isUsed = false
        if (--entry.users > 0) return
        entry.timer = setTimeout(() => this.#drop(entry), lingerMs).unref()
      },
    }
  }

  #drop(entry: Entry): void {
    const { followed } = entry
    if (this.#entries.get(followed.id) === entry) this.#entries.delete(followed.id)
    followed.detach()
  }
}
