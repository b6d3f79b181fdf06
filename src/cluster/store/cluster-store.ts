import { createHash } from 'node:crypto'
import type {
  HomeRecord,
  HostRecord,
  OpenRequests,
  PlaceRecord,
  QuotaRecord,
  TurnNote,
  WishRecord,
} from './records.ts'

/** Name of an agent in a cluster. Both parts are a token of `[a-z0-9_-]`. */
export interface AgentKey {
  readonly tenant: string
  readonly agentId: string
}

/** Value of a register with its revision, by which the next change is compared. */
export interface Entry<T> {
  readonly key: string
  readonly value: T
  /** Number that grows with each change of the register. */
  readonly revision: number
}

/** Change of a register: the new value, or `undefined` for a deleted one. */
export interface EntryChange<T> {
  readonly key: string
  readonly value: T | undefined
  readonly revision: number
}

/** Values by key, each changed by compare-and-set only. */
export interface Register<T> {
  /** Reads the value of a key from the leader, never from a replica that may be behind. */
  get(key: string): Promise<Entry<T> | undefined>
  /**
   * Sets the value of a key.
   *
   * @param revision - Revision of the present value; 0 for a key without a value.
   * @param timeoutMs - Time limit of this attempt, in ms; the store's own limit if absent.
   * @returns the new revision
   * @throws ClusterStoreError `stale` if the value has another revision; `unavailable` without an answer, when the value
   * may have been set
   */
  set(key: string, value: T, revision: number, timeoutMs?: number): Promise<number>
  /** Deletes a key. @throws ClusterStoreError `stale` or `unavailable`, as `set` */
  delete(key: string, revision: number): Promise<void>
  /**
   * Emits all present values, and then each change, until the signal aborts. After a lost connection, the watch emits
   * what has changed meanwhile.
   *
   * @returns a promise of the moment at which all present values were emitted
   */
  watch(listener: (change: EntryChange<T>) => void, signal: AbortSignal): Promise<void>
}

/** Message of a caller to the owner of an agent. */
export type MailMessage =
  | { readonly type: 'turn'; readonly turn: unknown }
  | { readonly type: 'cancel' }
  | { readonly type: 'answer'; readonly requestId: string; readonly answer: unknown }

/** Message in the inbox of an agent. */
export interface Mail {
  /** Number in the store, which grows over all agents. */
  readonly seq: number
  /** Time at which the store took the message, in epoch ms. */
  readonly at: number
  readonly turnId: string
  readonly message: MailMessage
}

/** Message in the inbox of an agent without its content. */
export interface MailHead extends Pick<Mail, 'seq' | 'at' | 'turnId'> {
  readonly agent: AgentKey
  readonly type: MailMessage['type']
  /** Time limit of a turn, in ms; `null` for none. */
  readonly deadlineMs: number | null
}

/** News of a message that was added to an inbox. */
export interface MailNews {
  readonly agent: AgentKey
  readonly seq: number
  readonly isTurn: boolean
}

/** Inboxes of the agents: messages of callers, until the owner of the agent has dealt with them. */
export interface Inbox {
  /**
   * Adds a message. A turn whose id was added for an agent of the tenant within the last two hours is not added again.
   *
   * @returns `isDuplicate` for a turn whose id is known
   * @throws ClusterStoreError `full` if the agent has 64 turns in its inbox, `too_large`, or `unavailable`, when the
   * message may have been added
   */
  add(agent: AgentKey, turnId: string, message: MailMessage): Promise<{ isDuplicate: boolean }>
  /** Returns the first message of an agent after a number; `undefined` if there is none. */
  next(agent: AgentKey, after: number): Promise<Mail | undefined>
  /** Returns the messages of agents without their contents, those of each agent in order. */
  heads(agents: readonly AgentKey[]): Promise<MailHead[]>
  /**
   * Deletes the messages of a turn that has its end. A failure is harmless: an ended turn never runs again.
   *
   * @param through - Number of the last message to delete: a turn that comes after it stays; all messages if absent.
   */
  remove(agent: AgentKey, turnId: string, through?: number): Promise<void>
  /** Returns the agents with turns in their inboxes. */
  agents(): Promise<AgentKey[]>
  /** Emits news of each added message until the signal aborts. News may be missed while the connection is down. */
  watch(listener: (news: MailNews) => void, signal: AbortSignal): void
}

/** Records of a turn that its owner stores together. */
export interface RecordBatch {
  /** Epoch of the owner. */
  readonly epoch: number
  /** Number of the first of the records within the turn, from 1. */
  readonly first: number
  readonly records: readonly unknown[]
  /** True if the last record is the terminal reply. */
  readonly isLast?: true
}

/** Batch with its number, and the number of the batch before in the same turn; 0 for the first one. */
export interface StoredBatch {
  readonly seq: number
  readonly previous: number
  readonly batch: RecordBatch
}

/** Log of the records of turns. Readers see stored batches only, never a refused one. */
export interface RecordLog {
  /**
   * Appends a batch to a turn.
   *
   * @param previous - Number of the last batch of the turn; 0 for none.
   * @returns the number of the batch
   * @throws ClusterStoreError `stale` if the turn has another last batch; `too_large`; `unavailable` without an answer,
   * when the batch may have been stored
   */
  append(agent: AgentKey, turnId: string, batch: RecordBatch, previous: number): Promise<number>
  /** Reads the last batch of a turn from the leader; `undefined` for a turn without a batch. */
  last(agent: AgentKey, turnId: string): Promise<StoredBatch | undefined>
  /**
   * Returns the agent of a turn; `undefined` for a turn without a batch. Of turns of several tenants with the id, the one
   * that has begun first counts.
   *
   * @param tenant - Tenant of the agent; any one if absent.
   */
  find(turnId: string, tenant?: string): Promise<AgentKey | undefined>
  /** Returns the ids of the turns of an agent that have batches. */
  turns(agent: AgentKey): Promise<string[]>
  /**
   * Deletes the batches of a turn but the last one.
   *
   * @throws ClusterStoreError `denied` or `unavailable`, when they may have been deleted
   */
  keepLast(agent: AgentKey, turnId: string): Promise<void>
  /** Reads the batches of a turn after a number, up to the last one at the time of the call. */
  read(agent: AgentKey, turnId: string, after: number, signal?: AbortSignal): AsyncIterable<StoredBatch>
  /**
   * Emits the batches of a turn as they are stored, until the signal aborts. Batches may be missed while the connection
   * is down: `previous` tells.
   */
  watch(agent: AgentKey, turnId: string, listener: (batch: StoredBatch) => void, signal: AbortSignal): void
}

/** Most bytes of the content of a turn, as JSON. Attachments take a third more in it, as base64. */
export const mostParcelBytes = 32 * 1024 * 1024

/** Size and SHA-256, in hex, of a content that is stored apart from its turn. */
export interface ParcelRef {
  readonly bytes: number
  readonly sha256: string
}

/** Contents of turns that are larger than a message: until the turn has its end, and for a day at most. */
export interface Parcels {
  /**
   * Stores a content of a turn. Each attempt to send a turn may have a content of its own, because a context is sealed
   * anew; the same content is stored once.
   *
   * @throws ClusterStoreError `too_large` beyond {@link mostParcelBytes}, `full` if the contents of all waiting turns take
   * too much, or `unavailable`, when a part may have been stored
   */
  put(agent: AgentKey, turnId: string, bytes: Uint8Array): Promise<ParcelRef>
  /** Returns a content of a turn; `undefined` if it is not there as a whole. */
  get(agent: AgentKey, turnId: string, parcel: ParcelRef): Promise<Uint8Array | undefined>
  /** Deletes all contents of a turn that has its end. */
  remove(agent: AgentKey, turnId: string): Promise<void>
}

/** Objects of bytes by name: saved homes. */
export interface ObjectStore {
  put(name: string, bytes: Uint8Array): Promise<void>
  /** Returns the bytes of an object; `undefined` if there is none, or it is damaged. */
  get(name: string): Promise<Uint8Array | undefined>
  delete(name: string): Promise<void>
  list(): Promise<string[]>
}

/**
 * Reports of the hosts on their agents. Nothing is stored: a report that nobody hears is lost. Reports of one host keep
 * their order.
 */
export interface Reports {
  /**
   * Sends a report to all who watch now. Never throws.
   *
   * @returns false if the report is lost for all: the connection is down, or the report is larger than a message
   */
  send(hostId: string, report: unknown): boolean
  /** Emits the reports of all hosts until the signal aborts; those of the own host too. */
  watch(listener: (hostId: string, report: unknown) => void, signal: AbortSignal): void
  /** Asks all hosts to report on everything. Never throws; lost while the connection is down. */
  ask(): void
  /** Emits when a program asks, until the signal aborts. */
  onAsk(listener: () => void, signal: AbortSignal): void
}

/**
 * Store that the hosts and the callers of a cluster share. Each write of an owner is a compare-and-set, so that an owner
 * that was replaced can change nothing.
 */
export interface ClusterStore {
  /** Name of the cluster. */
  readonly name: string
  readonly inbox: Inbox
  readonly records: RecordLog
  /** Specs of the agents without keys, by `<tenant>.<agent>`. */
  readonly agents: Register<Readonly<Record<string, unknown>>>
  /** Leases by host. They have a connection of their own, so that a renewal never waits behind replies. */
  readonly hosts: Register<HostRecord>
  /** Owners by `<tenant>.<agent>`. */
  readonly places: Register<PlaceRecord>
  /** Wishes that hosts leave, by host. */
  readonly wishes: Register<WishRecord>
  /** Saved homes by `<tenant>.<agent>`. */
  readonly homes: Register<HomeRecord>
  /** Turns that gateways have taken, by turn id; for 24 h. */
  readonly turns: Register<TurnNote>
  /** Requests that wait for an answer, by `<tenant>.<agent>.<turn>`. */
  readonly requests: Register<OpenRequests>
  /** Places of the tenants that have a cap of running turns, by tenant. */
  readonly quotas: Register<QuotaRecord>
  readonly objects: ObjectStore
  readonly parcels: Parcels
  readonly reports: Reports
  /** Emits the end and the return of the connection, until the signal aborts. */
  onConnection(listener: (state: 'up' | 'down') => void, signal: AbortSignal): void
  close(): Promise<void>
}

/** Log of records, for callers: they append nothing. */
export type ReadableLog = Omit<RecordLog, 'append' | 'turns' | 'keepLast'>

/** Part of a store that a caller uses. A caller of one tenant has no more than this. */
export interface CallerStore {
  readonly name: string
  readonly inbox: Pick<Inbox, 'add'>
  readonly records: ReadableLog
  readonly parcels: Pick<Parcels, 'put'>
  readonly agents: Pick<ClusterStore['agents'], 'watch'>
  readonly hosts: Pick<ClusterStore['hosts'], 'watch'>
  readonly places: Pick<ClusterStore['places'], 'watch'>
  /** Absent for a caller of one tenant, who drains no host. */
  readonly wishes?: Pick<ClusterStore['wishes'], 'get' | 'set'>
  onConnection: ClusterStore['onConnection']
  close: ClusterStore['close']
}

/**
 * Kind of a fault of a store: `stale` for a value that has changed meanwhile, `full` for an inbox or the contents of large
 * turns at their limits, `no_room` for a store without space, `too_large` for a message, `unavailable` for a store that does
 * not answer, `denied` for what the credentials do not allow.
 */
export type ClusterStoreFault = 'stale' | 'full' | 'no_room' | 'too_large' | 'unavailable' | 'denied'

/** Error of the store of a cluster. */
export class ClusterStoreError extends Error {
  override readonly name = 'ClusterStoreError'
  readonly fault: ClusterStoreFault

  /** @param message - what is wrong, and what to do */
  constructor(fault: ClusterStoreFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/** Returns whether a host should call the store again: it did not answer, or had no room, which may come again. */
export const mayPass = (error: unknown): boolean =>
  error instanceof ClusterStoreError && (error.fault === 'unavailable' || error.fault === 'no_room')

/** Returns the time limit of a turn of a message, in ms; `null` for none. */
export function deadlineOf(message: MailMessage): number | null {
  const { deadlineMs } = Object(message.type === 'turn' ? message.turn : undefined) as {
    deadlineMs?: unknown
  }
  return typeof deadlineMs === 'number' && deadlineMs > 0 ? deadlineMs : null
}

/** Returns the key of an agent in a register. */
export const keyOf = ({ tenant, agentId }: AgentKey): string => `${tenant}.${agentId}`

/** Returns the key of a turn in a register. Ids of turns are unique within a tenant only. */
export const turnKeyOf = (agent: AgentKey, turnId: string): string => `${keyOf(agent)}.${turnId}`

/** Returns the id of the turn of a key. */
export const turnOfKey = (key: string): string => key.split('.').at(-1) ?? ''

/** Returns the agent of a key of a register. */
export function agentOf(key: string): AgentKey {
  const [tenant = '', agentId = ''] = key.split('.')
  return { tenant, agentId }
}

/** Returns the SHA-256 of bytes, in hex. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
