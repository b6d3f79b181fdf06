import { Subject } from 'rxjs'
import type { CallerParts, SendTerms } from '../../cluster/client/caller-parts.ts'
import { turnKeyOf, type AgentKey } from '../../cluster/store/cluster-store.ts'
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
  /** True if this gateway has sent the turn. */
  readonly isSent: boolean
  users: number
  timer: NodeJS.Timeout | undefined
}

/** Turns of the cluster that this gateway has sent, or that its clients look at; each is followed once. */
export class FollowedTurns {
  readonly news$ = new Subject<RequestNews>()
  readonly #parts: CallerParts
  /** Turns by their keys: turns of two tenants may have one id. */
  readonly #entries = new Map<string, Entry>()

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  /** Returns a turn that is followed: that of an agent, or the first one with the id. */
  get(turnId: string, agent?: AgentKey): FollowedTurn | undefined {
    if (agent) return this.#entries.get(turnKeyOf(agent, turnId))?.followed
    return [...this.#entries.values()].find(({ followed }) => followed.id === turnId)?.followed
  }

  /**
   * Sends a turn, and follows it. A turn that is followed already is only sent again: the same id is the same turn.
   *
   * @throws ClusterStoreError if a turn could not be sent again
   */
  async send(agent: AgentKey, input: NamedInput, fields: SendTerms['fields'] = {}): Promise<TurnUse> {
    const { turnId } = input
    const known = this.#entries.get(turnKeyOf(agent, turnId))
    // A refused turn may be taken now.
    if (known && !known.followed.isCutOff) {
      const use = this.#use(known)
      try {
        await this.#parts.resend(agent, input, fields)
      } catch (error) {
        use.release()
        throw error
      }
      return use
    }
    const followed = this.#make(agent, turnId)
    const terms: SendTerms = { fields, onFacts: (facts, place) => followed.take(facts, place) }
    return this.#use(this.#add(followed.attach(this.#parts.send(agent, input, terms)), true))
  }

  /** Follows a turn that some caller has sent. */
  join(agent: AgentKey, turnId: string, deadlineMs: number | null): TurnUse {
    const known = this.#entries.get(turnKeyOf(agent, turnId))
    if (known) return this.#use(known)
    const followed = this.#make(agent, turnId)
    const onFacts: SendTerms['onFacts'] = (facts, place) => followed.take(facts, place)
    return this.#use(
      this.#add(followed.attach(this.#parts.join(agent, turnId, { deadlineMs, onFacts })), false),
    )
  }

  /** Forgets a turn that was refused, whose id may become another turn. */
  forget(agent: AgentKey, turnId: string): void {
    const entry = this.#entries.get(turnKeyOf(agent, turnId))
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
    return new FollowedTurn({ id, agent, pages, onNews: (news) => this.#tell(agent, news) })
  }

  /** Emits the news of a turn, whose readers know it by its id: a turn of another tenant with the id is silent. */
  #tell(agent: AgentKey, news: RequestNews): void {
    const others = [...this.#entries.values()].filter(({ followed }) => followed.id === news.turnId)
    const isSent = this.#entries.get(turnKeyOf(agent, news.turnId))?.isSent === true
    if (isSent || others.length < 2) this.news$.next(news)
  }

  #add(followed: FollowedTurn, isSent: boolean): Entry {
    const entry: Entry = { followed, isSent, users: 0, timer: undefined }
    this.#entries.set(turnKeyOf(followed.agent, followed.id), entry)
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
    const key = turnKeyOf(followed.agent, followed.id)
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
    followed.detach()
  }
}
