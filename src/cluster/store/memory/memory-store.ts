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
import { Link } from './link.ts'
import { MemoryInbox, SharedMail } from './memory-inbox.ts'
import { MemoryParcels } from './memory-parcels.ts'
import { MemoryRecords, SharedRecords } from './memory-records.ts'
import { MemoryReports, SharedReports } from './memory-reports.ts'
import { MemoryRegister, SharedValues } from './memory-register.ts'

/**
 * Store of a cluster in memory, for tests: every connection has faults of its own.
 *
 * @param now - Clock of the store, in epoch ms.
 */
export class MemoryCluster {
  readonly mail = new SharedMail()
  readonly records = new SharedRecords()
  readonly objects = new Map<string, Uint8Array>()
  readonly parcels = new Map<string, Uint8Array>()
  readonly agents = new SharedValues<Readonly<Record<string, unknown>>>()
  readonly hosts = new SharedValues<HostRecord>()
  readonly places = new SharedValues<PlaceRecord>()
  readonly wishes = new SharedValues<WishRecord>()
  readonly homes = new SharedValues<HomeRecord>()
  readonly turns = new SharedValues<TurnNote>()
  readonly requests = new SharedValues<OpenRequests>()
  readonly quotas = new SharedValues<QuotaRecord>()
  readonly reports = new SharedReports()
  readonly now: () => number

  constructor(now: () => number = Date.now) {
    this.now = now
  }

  /** Connects a program. */
  connect(): MemoryStore {
    return new MemoryStore(this)
  }
}

/** Store of a cluster in memory, as one program sees it. */
export class MemoryStore implements ClusterStore {
  readonly name = 'memory'
  /** Connection of the program: cut it, mend it, or lose its answers. */
  readonly link = new Link()
  readonly inbox: MemoryInbox
  readonly records: MemoryRecords
  readonly agents: Register<Readonly<Record<string, unknown>>>
  readonly hosts: Register<HostRecord>
  readonly places: Register<PlaceRecord>
  readonly wishes: Register<WishRecord>
  readonly homes: Register<HomeRecord>
  readonly turns: Register<TurnNote>
  readonly requests: Register<OpenRequests>
  readonly quotas: Register<QuotaRecord>
  readonly objects: ObjectStore
  readonly parcels: MemoryParcels
  readonly reports: MemoryReports

  constructor(cluster: MemoryCluster) {
    const { mail, records, objects, parcels, agents, hosts, places, wishes } = cluster
    const { homes, quotas, turns, requests, reports, now } = cluster
    this.inbox = new MemoryInbox(mail, this.link, now)
    this.records = new MemoryRecords(records, this.link)
    this.agents = new MemoryRegister(agents, this.link)
    this.hosts = new MemoryRegister(hosts, this.link)
    this.places = new MemoryRegister(places, this.link)
    this.wishes = new MemoryRegister(wishes, this.link)
    this.homes = new MemoryRegister(homes, this.link)
    this.turns = new MemoryRegister(turns, this.link)
    this.requests = new MemoryRegister(requests, this.link)
    this.quotas = new MemoryRegister(quotas, this.link)
    this.parcels = new MemoryParcels(parcels, this.link)
    this.reports = new MemoryReports(reports, this.link)
    this.objects = memoryObjects(objects, this.link)
  }

  onConnection(listener: (state: 'up' | 'down') => void, signal: AbortSignal): void {
    this.link.onState(listener, signal)
  }

  async close(): Promise<void> {
    this.link.cut()
    await Promise.resolve()
  }
}

const memoryObjects = (objects: Map<string, Uint8Array>, link: Link): ObjectStore => ({
  put: (name, bytes) => link.call(() => void objects.set(name, bytes.slice())),
  get: (name) => link.call(() => objects.get(name)?.slice()),
  delete: (name) => link.call(() => void objects.delete(name)),
  list: () => link.call(() => [...objects.keys()]),
})
