import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { Objm, type ObjectStore as Bucket } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import { messageOf } from '../../../util/messages.ts'
import type { ClusterStore, ObjectStore, Register } from '../cluster-store.ts'
import type {
  HomeRecord,
  HostRecord,
  OpenRequests,
  PlaceRecord,
  QuotaRecord,
  TurnNote,
  WishRecord,
} from '../records.ts'
import { connectTwice, followConnection } from './connection.ts'
import { called } from './faults.ts'
import { LazyRegister } from './lazy-register.ts'
import { namesOf } from './names.ts'
import { NatsInbox } from './nats-inbox.ts'
import { NatsParcels } from './nats-parcels.ts'
import type { NatsParts } from './nats-parts.ts'
import { NatsRecords } from './nats-records.ts'
import { NatsReports } from './nats-reports.ts'
import { NatsRegister } from './nats-register.ts'
import { provision } from './provision.ts'
import { TenantDesk } from './tenant-desk.ts'

/** Options of a store in NATS. */
export interface NatsStoreOptions {
  /** Name of the cluster: one token of `[A-Za-z0-9_-]`. */
  name: string
  /** Connects to NATS. Called twice: for the traffic, and for the leases. */
  connect: () => Promise<NatsConnection>
  /** Number of servers that keep each stream. @defaultValue 1 */
  replicas?: number | undefined
  /**
   * True for a host: makes the streams and buckets of the cluster, and answers the questions of callers of one tenant. A
   * caller leaves both to the hosts.
   */
  mayProvision: boolean
}

/** Time limit of a call, in ms. */
const timeout = 2_000
/** Size of the parts of an object, in bytes. */
const partBytes = 128 * 1024

/**
 * Opens the store of a cluster in NATS.
 *
 * @throws ClusterStoreError `unavailable` or `denied`
 */
export async function openNatsStore({ connect, ...options }: NatsStoreOptions): Promise<ClusterStore> {
  const connections = await connectTwice(connect)
  try {
    return await storeOn(connections, options)
  } catch (error) {
    for (const connection of connections) await connection.close()
    throw error
  }
}

async function storeOn(
  [connection, leases]: readonly [NatsConnection, NatsConnection],
  { name, replicas = 1, mayProvision }: Omit<NatsStoreOptions, 'connect'>,
): Promise<ClusterStore> {
  const names = namesOf(name)
  if (mayProvision) await provision(connection, names, replicas)
  const client = jetstream(connection, { timeout })
  const manager = await called(jetstreamManager(connection, { timeout, checkAPI: false }))
  const leaseManager = await called(jetstreamManager(leases, { timeout, checkAPI: false }))
  const parts = { connection, client, manager, names }
  const registerOf = async <T>(bucket: string, isLease = false): Promise<Register<T>> => {
    const buckets = new Kvm(jetstream(isLease ? leases : connection, { timeout }))
    return new NatsRegister<T>(await called(buckets.open(bucket)), bucket, isLease ? leaseManager : manager)
  }
  const closing = new AbortController()
  const store: ClusterStore = {
    name,
    inbox: new NatsInbox(parts),
    records: new NatsRecords(parts),
    agents: await registerOf(names.agents),
    hosts: await registerOf<HostRecord>(names.hosts, true),
    places: await registerOf<PlaceRecord>(names.places),
    wishes: new LazyRegister<WishRecord>(() => registerOf(names.wishes)),
    homes: await registerOf<HomeRecord>(names.homes),
    turns: new LazyRegister<TurnNote>(() => registerOf(names.turns)),
    requests: new LazyRegister<OpenRequests>(() => registerOf(names.requests)),
    quotas: new LazyRegister<QuotaRecord>(() => registerOf(names.quotas)),
    parcels: new NatsParcels(parts),
    reports: new NatsReports(connection, names, closing.signal),
    objects: objectsOf(parts, names.data, replicas),
    onConnection: (listener, signal) => void followConnection(connection, listener, signal),
    close: async () => {
      closing.abort()
      await Promise.all([connection.close(), leases.close()])
    },
  }
  if (mayProvision) new TenantDesk(parts, store, closing.signal)
  return store
}

/** Returns the objects of a cluster; the bucket is made with the first one. */
function objectsOf({ connection, manager }: NatsParts, name: string, replicas: number): ObjectStore {
  let opening: Promise<Bucket> | undefined
  const bucket = (): Promise<Bucket> => {
    opening ??= called(new Objm(connection).create(name, { replicas })).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    put: async (object, bytes) => {
      await called((await bucket()).putBlob({ name: object, options: { max_chunk_size: partBytes } }, bytes))
    },
    get: async (object) => (await called((await bucket()).getBlob(object).catch(ignoreDamaged))) ?? undefined,
    delete: async (object) => {
      await called((await bucket()).delete(object))
      // The client leaves a mark of each deletion, and no name of an object comes again.
      const encoded = Buffer.from(object).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
      await called(manager.streams.purge(`OBJ_${name}`, { filter: `$O.${name}.M.${encoded}` }))
    },
    list: async () => (await called((await bucket()).list())).map((info) => info.name),
  }
}

/** Returns no bytes for an object whose parts do not have its digest: to ask again would not help. */
function ignoreDamaged(error: unknown): null {
  if (/corrupt object/i.test(messageOf(error))) return null
  throw error
}
