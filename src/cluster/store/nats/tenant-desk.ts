import type { Msg } from '@nats-io/transport-node'
import { onAbort } from '../../../util/abort-signal.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'
import { messageOf } from '../../../util/messages.ts'
import { agentOf, type ClusterStore, type Entry, type Register, type StoredBatch } from '../cluster-store.ts'
import type { NatsParts } from './nats-parts.ts'
import { mostAnswerBytes, type Answer, type Questions, type TenantView } from './questions.ts'

/** Most questions of one tenant that a host answers at the same time. */
const mostAtOnce = 16

type Kind = keyof Questions
type Handlers = { [K in Kind]: (tenant: string, ask: Questions[K]['ask']) => Promise<Questions[K]['answer']> }

/**
 * Answers the questions of callers that may not read the store themselves. Each question is answered by one host, and
 * tells nothing of other tenants than the one in its subject.
 */
export class TenantDesk {
  readonly #store: Pick<ClusterStore, 'records' | 'agents' | 'hosts' | 'places'>
  readonly #signal: AbortSignal
  /** Number of questions that are being answered, by tenant. */
  readonly #open = new Map<string, number>()
  #registers: Promise<WatchedRegisters> | undefined

  constructor(
    parts: NatsParts,
    store: Pick<ClusterStore, 'records' | 'agents' | 'hosts' | 'places'>,
    signal: AbortSignal,
  ) {
    this.#store = store
    this.#signal = signal
    const subscription = parts.connection.subscribe(parts.names.questions, {
      queue: 'hosts',
      callback: (error, message) => {
        if (!error) void this.#answer(message)
      },
    })
    onAbort(signal, () => subscription.unsubscribe())
  }

  readonly #handlers: Handlers = {
    view: async (tenant) => (await this.#watched()).viewOf(tenant),
    find: async (tenant, { turnId }) => {
      const found = await this.#store.records.find(turnId, tenant)
      return { agentId: found?.agentId ?? null }
    },
    last: async (tenant, { agentId, turnId }) => {
      const batch = await this.#store.records.last({ tenant, agentId }, turnId)
      return { batch: batch ?? null }
    },
    read: (tenant, ask) => this.#read(tenant, ask),
  }

  async #answer(message: Msg): Promise<void> {
    const [, , , tenant = '', kind = ''] = message.subject.split('.')
    // An answer must not become a message of a stream.
    if (/^(\$|oc\.)/.test(message.reply ?? '$')) return
    const respond = (answer: Answer<unknown>): void => {
      ignoreErrors(() => message.respond(JSON.stringify(answer)))
    }
    const ask = ignoreErrors(() => message.json<unknown>())
    if (!isKind(kind) || !isQuestion(kind, ask)) {
      respond({ error: 'the question is not known: the host may have another version than the caller' })
      return
    }
    const open = this.#open.get(tenant) ?? 0
    if (open >= mostAtOnce) {
      respond({ error: `more than ${mostAtOnce} questions of the tenant at once`, isBusy: true })
      return
    }
    this.#open.set(tenant, open + 1)
    try {
      const handler = this.#handlers[kind] as (tenant: string, ask: unknown) => Promise<unknown>
      respond({ answer: await handler(tenant, ask) })
    } catch (error) {
      respond({ error: messageOf(error) })
    } finally {
      const left = (this.#open.get(tenant) ?? 1) - 1
      if (left > 0) this.#open.set(tenant, left)
      else this.#open.delete(tenant)
    }
  }

  async #read(
    tenant: string,
    { agentId, turnId, after }: Questions['read']['ask'],
  ): Promise<Questions['read']['answer']> {
    const batches: StoredBatch[] = []
    let bytes = 0
    for await (const batch of this.#store.records.read({ tenant, agentId }, turnId, after, this.#signal)) {
      bytes += Buffer.byteLength(JSON.stringify(batch))
      if (batches.length > 0 && bytes > mostAnswerBytes) return { batches, hasMore: true }
      batches.push(batch)
    }
    return { batches, hasMore: false }
  }

  /** Watches the registers from the first question on. */
  #watched(): Promise<WatchedRegisters> {
    this.#registers ??= WatchedRegisters.start(this.#store, this.#signal).catch((error: unknown) => {
      this.#registers = undefined
      throw error
    })
    return this.#registers
  }
}

/** Values of the registers that a tenant may see a part of. */
class WatchedRegisters {
  readonly #agents = new Map<string, Entry<unknown>>()
  readonly #hosts: TenantViewMap<'hosts'> = new Map()
  readonly #places: TenantViewMap<'places'> = new Map()

  /** Resolves when all present values are known. @throws ClusterStoreError */
  static async start(
    { agents, hosts, places }: Pick<ClusterStore, 'agents' | 'hosts' | 'places'>,
    signal: AbortSignal,
  ): Promise<WatchedRegisters> {
    const watched = new WatchedRegisters()
    await Promise.all([
      keep(agents, watched.#agents, signal),
      keep(hosts, watched.#hosts, signal),
      keep(places, watched.#places, signal),
    ])
    return watched
  }

  viewOf(tenant: string): TenantView {
    const isOwn = ({ key }: { key: string }): boolean => agentOf(key).tenant === tenant
    const agents = [...this.#agents.values()].filter((entry) => isOwn(entry) && !isRemoved(entry))
    return {
      agents: agents.map(({ key }) => agentOf(key).agentId),
      hosts: [...this.#hosts.values()],
      places: [...this.#places.values()].filter(isOwn),
    }
  }
}

/** Returns whether an agent was removed from the cluster, whose register keeps a mark of it. */
const isRemoved = ({ value }: Entry<unknown>): boolean =>
  (Object(value) as { declared?: { removed?: unknown } }).declared?.removed !== undefined

type TenantViewMap<K extends 'hosts' | 'places'> = Map<string, TenantView[K][number]>

/** Keeps the present values of a register in a map. */
const keep = <T>(
  register: Pick<Register<T>, 'watch'>,
  map: Map<string, Entry<T>>,
  signal: AbortSignal,
): Promise<void> =>
  register.watch(({ key, value, revision }) => {
    if (value === undefined) map.delete(key)
    else map.set(key, { key, value, revision })
  }, signal)

const fields: Readonly<Record<Kind, readonly ('agentId' | 'turnId' | 'after')[]>> = {
  view: [],
  find: ['turnId'],
  last: ['agentId', 'turnId'],
  read: ['agentId', 'turnId', 'after'],
}

const isKind = (kind: string): kind is Kind => Object.hasOwn(fields, kind)

/** Returns whether a question has its fields. An id is one token of a subject, so that it names one turn. */
function isQuestion(kind: Kind, ask: unknown): boolean {
  const given = Object(ask) as Record<string, unknown>
  return fields[kind].every((field) => {
    const value = given[field]
    return field === 'after'
      ? Number.isSafeInteger(value)
      : typeof value === 'string' && /^[\w-]{1,128}$/.test(value)
  })
}
