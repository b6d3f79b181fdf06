import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { called } from './faults.ts'
import type { Names } from './names.ts'

const hourMs = 3_600_000

/** Most turns in the inbox of an agent. */
const mostTurns = 64
/** Most bytes of all replies; the oldest go first. */
const mostReplyBytes = 2 ** 31

/** Most bytes of the contents of all turns that are larger than a message. */
const mostParcelsBytes = 2 ** 29

/** JetStream's codes of a stream that exists with other settings, of one that does not exist, and of a full disk. */
const [exists, missing, noStorage] = [10058, 10059, 10047]

/**
 * Makes the streams and buckets of a cluster, or brings them up to date.
 *
 * @param replicas - Number of servers that keep each of them.
 * @throws ClusterStoreError
 */
export async function provision(connection: NatsConnection, names: Names, replicas: number): Promise<void> {
  const manager = await called(jetstreamManager(connection))
  const common = {
    storage: StorageType.File,
    num_replicas: replicas,
    allow_direct: true,
    retention: RetentionPolicy.Limits,
    max_age: nanos(24 * hourMs),
  }
  const streams: (Partial<StreamConfig> & { name: string })[] = [
    {
      ...common,
      name: names.inbox,
      subjects: [names.allMail],
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
      max_msgs_per_subject: mostTurns,
      duplicate_window: nanos(2 * hourMs),
      republish: { src: names.allMail, dest: names.wakes, headers_only: true },
    },
    {
      ...common,
      name: names.replies,
      subjects: [names.allReplies],
      discard: DiscardPolicy.Old,
      max_bytes: mostReplyBytes,
      duplicate_window: nanos(120_000),
      republish: { src: names.allReplies, dest: names.lives },
    },
    {
      ...common,
      name: names.parcels,
      subjects: [names.allParcels],
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
      max_bytes: mostParcelsBytes,
    },
  ]
  for (const stream of streams) await called(ensureStream(manager, stream))
  const buckets = new Kvm(connection)
  const create = async (bucket: string, ttl = 0): Promise<void> => {
    await called(buckets.create(bucket, { history: 1, replicas, storage: StorageType.File, ttl }))
    await raiseReplicas(manager, `KV_${bucket}`, replicas)
  }
  for (const bucket of [names.agents, names.hosts, names.places, names.wishes, names.homes, names.quotas])
    await create(bucket)
  for (const bucket of [names.turns, names.requests]) await create(bucket, 24 * hourMs)
  await raiseReplicas(manager, `OBJ_${names.data}`, replicas)
}

/** Makes a stream, or brings it up to date. */
async function ensureStream(
  manager: JetStreamManager,
  stream: Partial<StreamConfig> & { name: string },
): Promise<void> {
  try {
    await manager.streams.add(stream)
  } catch (error) {
    const code = error instanceof JetStreamApiError ? error.code : undefined
    // The server asks for free space also for a stream that exists and has its space already.
    const mayExist =
      code === exists ||
      (code === noStorage && (await manager.streams.info(stream.name).catch(ignoreMissing)) !== undefined)
    if (!mayExist) throw error
    await manager.streams.update(stream.name, stream)
  }
}

/** Gives a bucket that exists more replicas, after the cluster has got more servers. */
async function raiseReplicas(manager: JetStreamManager, stream: string, replicas: number): Promise<void> {
  const info = await called(manager.streams.info(stream).catch(ignoreMissing))
  if (info && info.config.num_replicas < replicas)
    await called(manager.streams.update(stream, { ...info.config, num_replicas: replicas }))
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof JetStreamApiError) || error.code !== missing) throw error
}
