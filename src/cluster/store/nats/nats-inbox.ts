import type { JetStreamClient, JetStreamManager, StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { onAbort } from '../../../util/abort-signal.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'
import type { AgentKey, Inbox, Mail, MailMessage, MailNews } from '../cluster-store.ts'
import { called } from './faults.ts'
import { nextMessage } from './messages.ts'
import { mailOfSubject, type Names } from './names.ts'

/** Parts of a connection that the inboxes and the log need. */
export interface NatsParts {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  readonly names: Names
}

/** Message of an inbox as it is stored: with the id of its turn. */
interface StoredMail {
  readonly turnId: string
  readonly message: MailMessage
}

/** Inboxes in a stream of NATS. */
export class NatsInbox implements Inbox {
  readonly #parts: NatsParts

  constructor(parts: NatsParts) {
    this.#parts = parts
  }

  async add(agent: AgentKey, turnId: string, message: MailMessage): Promise<{ isDuplicate: boolean }> {
    const { client, names } = this.#parts
    const isTurn = message.type === 'turn'
    const subject = isTurn ? names.turn(agent) : names.control(agent, turnId)
    const stored: StoredMail = { turnId, message }
    const { duplicate } = await called(
      client.publish(subject, JSON.stringify(stored), isTurn ? { msgID: turnId } : {}),
    )
    return { isDuplicate: duplicate }
  }

  async next(agent: AgentKey, after: number): Promise<Mail | undefined> {
    const { manager, names } = this.#parts
    for (let from = after + 1; ;) {
      const message = await nextMessage(manager, names.inbox, names.mailOf(agent), from)
      if (!message) return undefined
      const mail = mailOf(message)
      if (mail) return mail
      // A message that no caller of this package has written must not block the inbox.
      await called(manager.streams.deleteMessage(names.inbox, message.seq, false))
      from = message.seq + 1
    }
  }

  async remove(agent: AgentKey, turnId: string, through = Infinity): Promise<void> {
    const { manager, names } = this.#parts
    for (let mail = await this.next(agent, 0); mail; mail = await this.next(agent, mail.seq)) {
      if (mail.seq > through) break
      if (mail.turnId === turnId && mail.message.type === 'turn')
        await called(manager.streams.deleteMessage(names.inbox, mail.seq, false))
    }
    const controls = { filter: names.control(agent, turnId) }
    const upTo = Number.isFinite(through) ? { ...controls, seq: through + 1 } : controls
    await called(manager.streams.purge(names.inbox, upTo))
  }

  async agents(): Promise<AgentKey[]> {
    const { manager, names } = this.#parts
    const { state } = await called(manager.streams.info(names.inbox, { subjects_filter: names.allTurns }))
    return Object.keys(state.subjects ?? {}).map((subject) => mailOfSubject(subject).agent)
  }

  watch(listener: (news: MailNews) => void, signal: AbortSignal): void {
    const { connection, names } = this.#parts
    const subscription = connection.subscribe(names.wakes, {
      callback: (error, message) => {
        if (error) return
        listener({
          ...mailOfSubject(message.subject),
          seq: Number(message.headers?.get('Nats-Sequence') ?? 0),
        })
      },
    })
    onAbort(signal, () => subscription.unsubscribe())
  }
}

/** Returns the mail of a stored message; `undefined` for a message that is none. */
function mailOf(stored: StoredMsg): Mail | undefined {
  const value = ignoreErrors(() => stored.json<unknown>())
  const { turnId, message } = Object(value) as Partial<StoredMail>
  const { type } = Object(message) as { type?: unknown }
  const isMail = typeof type === 'string' && types.has(type) && message !== undefined
  if (!isMail || typeof turnId !== 'string' || !/^[\w-]{1,128}$/.test(turnId)) return undefined
  return { turnId, message, seq: stored.seq, at: stored.time.getTime() }
}

const types: ReadonlySet<string> = new Set(['turn', 'cancel', 'answer'])
