import { randomUUID } from 'node:crypto'
import { AckPolicy, DeliverPolicy, type ConsumerInfo } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { onAbort } from '../../../util/abort-signal.ts'
import {
  ClusterStoreError,
  turnKeyOf,
  type AgentKey,
  type RecordBatch,
  type RecordLog,
  type StoredBatch,
} from '../cluster-store.ts'
import { asStoreError, called, isEndOfPull } from './faults.ts'
import { lastMessage, nextMessage } from './messages.ts'
import { agentOfReply } from './names.ts'
import type { NatsParts } from './nats-inbox.ts'

/** Most bytes of one pull. A pull by count would wait for the slowest of many large messages. */
const bytesPerPull = 2 * 1024 * 1024
const pullMs = 2_000
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

  /** A consumer of its own, with the subject of this turn alone: permissions can limit such reads to a tenant. */
  async *read(
    agent: AgentKey,
    turnId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredBatch, void> {
    const { manager, names } = this.#parts
    const info = await called(
      manager.consumers.add(names.replies, {
        name: `read-${randomUUID()}`,
        filter_subject: names.reply(agent, turnId),
        ack_policy: AckPolicy.None,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nanos(30_000),
        ...(after > 0
          ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }
          : { deliver_policy: DeliverPolicy.All }),
      }),
    )
    try {
      yield* this.#pull(info, after, signal)
    } finally {
      // The server deletes an unused consumer by itself.
      await manager.consumers.delete(names.replies, info.name).catch(() => undefined)
    }
  }

  async *#pull(
    info: ConsumerInfo,
    after: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StoredBatch, void> {
    const consumer = this.#parts.client.consumers.getConsumerFromInfo(info)
    let [pending, delivered, previous] = [info.num_pending, 0, after]
    while (pending > 0 && !signal?.aborted) {
      const pulled = await called(consumer.fetch({ max_bytes: bytesPerPull, expires: pullMs }))
      const before = delivered
      try {
        for await (const message of pulled) {
          if (message.info.deliverySequence !== ++delivered) throw lostOnTheWay()
          yield { seq: message.seq, previous, batch: message.json<RecordBatch>() }
          previous = message.seq
          pending--
          if (pending <= 0 || signal?.aborted) break
        }
      } catch (error) {
        if (!isEndOfPull(error)) throw asStoreError(error)
      }
      if (delivered === before) throw lostOnTheWay()
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

const lostOnTheWay = (): ClusterStoreError =>
  new ClusterStoreError('unavailable', 'Records of a turn were lost on the way: read them again')
