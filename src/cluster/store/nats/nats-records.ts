import { DeliverPolicy } from '@nats-io/jetstream'
import { onAbort } from '../../../util/abort-signal.ts'
import {
  turnKeyOf,
  type AgentKey,
  type RecordBatch,
  type RecordLog,
  type StoredBatch,
} from '../cluster-store.ts'
import { called } from './faults.ts'
import { lastMessage, nextMessage } from './messages.ts'
import { agentOfReply } from './names.ts'
import type { NatsParts } from './nats-parts.ts'
import { pulled } from './pulls.ts'

/** Time limit of an append, in ms: after an election, a lost acknowledgement must not block the owner for long. */
const appendMs = 700

/** Log of records in a stream of NATS. */
export class NatsRecords implements RecordLog {
  readonly #parts: NatsParts

  constructor(parts: NatsParts) {
    this.#parts = parts
  }

  async append(agent: AgentKey, turnId: string, batch: RecordBatch, previous: number): Promise<number> {
    const { client, names } = this.#parts
    const { seq } = await called(
      client.publish(names.reply(agent, turnId), JSON.stringify(batch), {
        // Another tenant may have a turn with the same id.
        msgID: `${turnKeyOf(agent, turnId)}.${batch.epoch}.${batch.first}`,
        timeout: appendMs,
        expect: { lastSubjectSequence: previous },
      }),
    )
    return seq
  }

  async last(agent: AgentKey, turnId: string): Promise<StoredBatch | undefined> {
    const { manager, names } = this.#parts
    const message = await lastMessage(manager, names.replies, names.reply(agent, turnId))
    return message && { seq: message.seq, previous: NaN, batch: message.json<RecordBatch>() }
  }

  async find(turnId: string, tenant?: string): Promise<AgentKey | undefined> {
    const { manager, names } = this.#parts
    const subject = tenant === undefined ? names.replyOfAny(turnId) : names.replyOfTenant(tenant, turnId)
    const message = await nextMessage(manager, names.replies, subject, 1)
    return message && agentOfReply(message.subject)
  }

  async turns(agent: AgentKey): Promise<string[]> {
    const { manager, names } = this.#parts
    const { state } = await called(
      manager.streams.info(names.replies, { subjects_filter: names.repliesOf(agent) }),
    )
    return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.').at(-1) ?? '')
  }

  async keepLast(agent: AgentKey, turnId: string): Promise<void> {
    const { manager, names } = this.#parts
    await called(manager.streams.purge(names.replies, { filter: names.reply(agent, turnId), keep: 1 }))
  }

  async *read(
    agent: AgentKey,
    turnId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredBatch, void> {
    const { names } = this.#parts
    const from =
      after > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }
        : { deliver_policy: DeliverPolicy.All }
    const config = { filter_subject: names.reply(agent, turnId), ...from }
    let previous = after
    for await (const message of pulled(this.#parts, names.replies, config, signal)) {
      yield { seq: message.seq, previous, batch: message.json<RecordBatch>() }
      previous = message.seq
    }
  }

  watch(agent: AgentKey, turnId: string, listener: (batch: StoredBatch) => void, signal: AbortSignal): void {
    const { connection, names } = this.#parts
    const subscription = connection.subscribe(names.live(agent, turnId), {
      callback: (error, message) => {
        if (error) return
        const numberOf = (header: string): number => Number(message.headers?.get(header) ?? 0)
        listener({
          seq: numberOf('Nats-Sequence'),
          previous: numberOf('Nats-Last-Sequence'),
          batch: message.json<RecordBatch>(),
        })
      },
    })
    onAbort(signal, () => subscription.unsubscribe())
  }
}
