import { DeliverPolicy, type StoredMsg } from '@nats-io/jetstream'
import { headers, type MsgHdrs } from '@nats-io/transport-node'
import { onAbort } from '../../../util/abort-signal.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'
import {
  deadlineOf,
  type AgentKey,
  type Inbox,
  type Mail,
  type MailHead,
  type MailMessage,
  type MailNews,
} from '../cluster-store.ts'
import { called } from './faults.ts'
import { nextMessage } from './messages.ts'
import { mailOfSubject } from './names.ts'
import type { NatsParts } from './nats-parts.ts'
import { pulled } from './pulls.ts'

/** Message of an inbox as it is stored: with the id of its turn. */
interface StoredMail {
  readonly turnId: string
  readonly message: MailMessage
}

/** Most agents whose inboxes are read at once. */
const mostAtOnce = 100

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
      client.publish(subject, JSON.stringify(stored), {
        headers: headersOf(turnId, message),
        ...(isTurn && { msgID: `${agent.tenant}.${turnId}` }),
      }),
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

  async heads(agents: readonly AgentKey[]): Promise<MailHead[]> {
    const { names } = this.#parts
    const heads: MailHead[] = []
    for (let at = 0; at < agents.length; at += mostAtOnce) {
      const filter = {
        filter_subjects: agents.slice(at, at + mostAtOnce).map((agent) => names.mailOf(agent)),
      }
      const config = { ...filter, headers_only: true, deliver_policy: DeliverPolicy.All }
      for await (const { subject, seq, headers: given, info } of pulled(this.#parts, names.inbox, config)) {
        const head = given && headOf(given)
        const { agent } = mailOfSubject(subject)
        if (head) heads.push({ ...head, agent, seq, at: Math.floor(info.timestampNanos / 1e6) })
      }
    }
    return heads
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

/** Names of the headers by which a message is known without its content. */
const [turnHeader, typeHeader, deadlineHeader] = ['Oc-Turn', 'Oc-Type', 'Oc-Deadline']

function headersOf(turnId: string, message: MailMessage): MsgHdrs {
  const given = headers()
  given.set(turnHeader, turnId)
  given.set(typeHeader, message.type)
  const deadlineMs = deadlineOf(message)
  if (deadlineMs !== null) given.set(deadlineHeader, String(deadlineMs))
  return given
}

/** Returns what headers tell of a message; `undefined` for a message that no caller of this package has written. */
function headOf(given: MsgHdrs): Pick<MailHead, 'turnId' | 'type' | 'deadlineMs'> | undefined {
  const [turnId, type, deadline] = [turnHeader, typeHeader, deadlineHeader].map((name) => given.get(name))
  if (!isType(type) || !isTurnId(turnId)) return undefined
  const deadlineMs = Number(deadline)
  return { turnId, type, deadlineMs: deadlineMs > 0 ? deadlineMs : null }
}

/** Returns the mail of a stored message; `undefined` for a message that is none. */
function mailOf(stored: StoredMsg): Mail | undefined {
  const value = ignoreErrors(() => stored.json<unknown>())
  const { turnId, message } = Object(value) as Partial<StoredMail>
  const { type } = Object(message) as { type?: unknown }
  if (!isType(type) || message === undefined || !isTurnId(turnId)) return undefined
  return { turnId, message, seq: stored.seq, at: stored.time.getTime() }
}

const isType = (type: unknown): type is MailMessage['type'] =>
  type === 'turn' || type === 'cancel' || type === 'answer'

const isTurnId = (id: unknown): id is string => typeof id === 'string' && /^[\w-]{1,128}$/.test(id)
