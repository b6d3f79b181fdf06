import { randomUUID } from 'node:crypto'
import { AckPolicy, type ConsumerConfig, type ConsumerInfo, type JsMsg } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { ClusterStoreError } from '../cluster-store.ts'
import { asStoreError, called, isEndOfPull } from './faults.ts'
import type { NatsParts } from './nats-parts.ts'

/** Most bytes of one pull. A pull by count would wait for the slowest of many large messages. */
const bytesPerPull = 2 * 1024 * 1024
const pullMs = 2_000

/**
 * Reads the messages of a stream that are there at the time of the call, by a consumer of its own: permissions can limit
 * such reads to the subjects of a tenant.
 *
 * @param config - Subjects, and where to begin.
 * @throws ClusterStoreError
 */
export async function* pulled(
  parts: NatsParts,
  stream: string,
  config: Partial<ConsumerConfig>,
  signal?: AbortSignal,
): AsyncGenerator<JsMsg, void> {
  const { manager } = parts
  const info = await called(
    manager.consumers.add(stream, {
      ...config,
      name: `read-${randomUUID()}`,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(30_000),
    }),
  )
  try {
    yield* pull(parts, info, signal)
  } finally {
    // The server deletes an unused consumer by itself.
    await manager.consumers.delete(stream, info.name).catch(() => undefined)
  }
}

async function* pull(
  { client }: NatsParts,
  info: ConsumerInfo,
  signal: AbortSignal | undefined,
): AsyncGenerator<JsMsg, void> {
  const consumer = client.consumers.getConsumerFromInfo(info)
  let [pending, delivered] = [info.num_pending, 0]
  while (pending > 0 && !signal?.aborted) {
    const fetched = await called(consumer.fetch({ max_bytes: bytesPerPull, expires: pullMs }))
    const before = delivered
    try {
      for await (const message of fetched) {
        if (message.info.deliverySequence !== ++delivered) throw lostOnTheWay()
        yield message
        // Messages that are deleted meanwhile do not come; later ones are not meant.
        pending = Math.min(pending - 1, message.info.pending)
        if (pending <= 0 || signal?.aborted) break
      }
    } catch (error) {
      if (!isEndOfPull(error)) throw asStoreError(error)
    }
    if (delivered === before) throw lostOnTheWay()
  }
}

const lostOnTheWay = (): ClusterStoreError =>
  new ClusterStoreError('unavailable', 'Messages of a stream were lost on the way: read them again')
