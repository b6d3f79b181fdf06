import {
  agentOf,
  ClusterStoreError,
  deadlineOf,
  keyOf,
  type AgentKey,
  type Inbox,
  type Mail,
  type MailHead,
  type MailMessage,
  type MailNews,
} from '../cluster-store.ts'
import { copied, listenUntil, type Link } from './link.ts'

/** Most turns in the inbox of an agent. */
const mostTurns = 64

/** Messages of all inboxes, which all connections share. */
export class SharedMail {
  mails: (Mail & { readonly key: string })[] = []
  /** Ids of the turns that were added, with their tenants. */
  readonly #turnIds = new Set<string>()
  readonly #listeners = new Set<(news: MailNews) => void>()
  #seq = 0

  add(agent: AgentKey, turnId: string, message: MailMessage, at: number): { isDuplicate: boolean } {
    const key = keyOf(agent)
    const isTurn = message.type === 'turn'
    const id = `${agent.tenant}.${turnId}`
    if (isTurn && this.#turnIds.has(id)) return { isDuplicate: true }
    const turns = this.mails.filter((mail) => mail.key === key && mail.message.type === 'turn')
    if (isTurn && turns.length >= mostTurns)
      throw new ClusterStoreError('full', `The inbox of ${key} holds ${mostTurns} turns: try again later`)
    if (isTurn) this.#turnIds.add(id)
    const mail = { key, seq: ++this.#seq, at, turnId, message: copied(message) }
    this.mails.push(mail)
    for (const listener of [...this.#listeners]) listener({ agent, seq: mail.seq, isTurn })
    return { isDuplicate: false }
  }

  listen(listener: (news: MailNews) => void, signal: AbortSignal): void {
    listenUntil(this.#listeners, listener, signal)
  }
}

/** Inboxes in memory, as one connection sees them. */
export class MemoryInbox implements Inbox {
  readonly #shared: SharedMail
  readonly #link: Link
  readonly #now: () => number

  constructor(shared: SharedMail, link: Link, now: () => number) {
    this.#shared = shared
    this.#link = link
    this.#now = now
  }

  add(agent: AgentKey, turnId: string, message: MailMessage): Promise<{ isDuplicate: boolean }> {
    return this.#link.call(() => this.#shared.add(agent, turnId, message, this.#now()))
  }

  next(agent: AgentKey, after: number): Promise<Mail | undefined> {
    return this.#link.call(() => {
      const found = this.#shared.mails.find(({ key, seq }) => key === keyOf(agent) && seq > after)
      if (!found) return undefined
      const { key: _key, ...mail } = found
      return copied(mail)
    })
  }

  heads(agents: readonly AgentKey[]): Promise<MailHead[]> {
    const keys = new Set(agents.map(keyOf))
    return this.#link.call(() =>
      this.#shared.mails
        .filter(({ key }) => keys.has(key))
        .map(({ key, seq, at, turnId, message }) => ({
          ...{ agent: agentOf(key), seq, at, turnId, type: message.type },
          deadlineMs: deadlineOf(message),
        })),
    )
  }

  async remove(agent: AgentKey, turnId: string, through = Infinity): Promise<void> {
    await this.#link.call(() => {
      const isOther = (mail: { key: string; turnId: string; seq: number }): boolean =>
        mail.key !== keyOf(agent) || mail.turnId !== turnId || mail.seq > through
      this.#shared.mails = this.#shared.mails.filter(isOther)
    })
  }

  agents(): Promise<AgentKey[]> {
    return this.#link.call(() => {
      const turns = this.#shared.mails.filter(({ message }) => message.type === 'turn')
      return [...new Set(turns.map(({ key }) => key))].map(agentOf)
    })
  }

  watch(listener: (news: MailNews) => void, signal: AbortSignal): void {
    this.#shared.listen((news) => this.#link.emit(() => listener(news), signal), signal)
  }
}
