import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ClusterStoreError, type AgentKey, type CallerStore, type ReadableLog } from '../cluster-store.ts'
import { connected } from './connect-faults.ts'
import { followConnection } from './connection.ts'
import { called } from './faults.ts'
import { namesOf, type Names } from './names.ts'
import { NatsInbox } from './nats-inbox.ts'
import { NatsParcels } from './nats-parcels.ts'
import { NatsRecords } from './nats-records.ts'
import type { Answer, Questions } from './questions.ts'
import { TenantRegisters } from './tenant-registers.ts'

/** Options of the store of a caller of one tenant. */
export interface TenantStoreOptions {
  /** Name of the cluster. */
  name: string
  /** Connects to NATS. Called once. */
  connect: () => Promise<NatsConnection>
  tenant: string
}

/** Time limit of a question, and of a message to an inbox, in ms. */
const timeout = 2_000

/**
 * Opens the store for a caller that may use the subjects of one tenant only. Such a caller reads no stream: it adds
 * messages to the inboxes of its agents, receives the batches of its turns as they are stored, and asks the hosts for all
 * that it has missed.
 *
 * @throws ClusterStoreError `unavailable` or `denied`
 */
export async function openTenantStore({ name, connect, tenant }: TenantStoreOptions): Promise<CallerStore> {
  const names = namesOf(name)
  const connection = await connected(connect)
  const client = jetstream(connection, { timeout })
  // Makes no request: the log of a tenant uses the live subjects of this client only.
  const manager = await called(jetstreamManager(connection, { timeout, checkAPI: false }))
  const parts = { connection, client, manager, names }
  const closing = new AbortController()
  const desk = new AskedDesk(connection, names, tenant)
  const { agents, hosts, places } = new TenantRegisters(tenant, () => desk.ask('view', {}), closing.signal)
  return {
    name,
    inbox: new NatsInbox(parts),
    records: askedRecords(tenant, desk, new NatsRecords(parts)),
    parcels: new NatsParcels(parts),
    ...{ agents, hosts, places },
    onConnection: (listener, signal) => void followConnection(connection, listener, signal),
    close: async () => {
      closing.abort()
      await connection.close()
    },
  }
}

/** Asks the hosts of a cluster. */
class AskedDesk {
  readonly #connection: NatsConnection
  readonly #names: Names
  readonly #tenant: string

  constructor(connection: NatsConnection, names: Names, tenant: string) {
    this.#connection = connection
    this.#names = names
    this.#tenant = tenant
  }

  /** @throws ClusterStoreError `unavailable` if no host answers, `denied` if NATS refuses the question */
  async ask<K extends keyof Questions>(kind: K, ask: Questions[K]['ask']): Promise<Questions[K]['answer']> {
    const subject = this.#names.question(this.#tenant, kind)
    const reply = await called(
      this.#connection.request(subject, JSON.stringify(ask), { timeout }).catch((error: unknown) => {
        throw withoutHosts(error)
      }),
    )
    const answer = reply.json<Answer<Questions[K]['answer']>>()
    if ('answer' in answer) return answer.answer
    throw new ClusterStoreError(
      'unavailable',
      `A host of the cluster has refused a question: ${answer.error}`,
    )
  }
}

/** Returns the error of a question for which no host listens. */
function withoutHosts(error: unknown): unknown {
  if (!/no responders/i.test(String(error))) return error
  return new ClusterStoreError('unavailable', 'No host of the cluster answers: is one a member?', {
    cause: error,
  })
}

/** Returns the log of a tenant: what was missed is asked for. */
function askedRecords(tenant: string, desk: AskedDesk, live: ReadableLog): ReadableLog {
  const requireOwn = (agent: AgentKey): void => {
    if (agent.tenant !== tenant)
      throw new ClusterStoreError('denied', `This caller is limited to the tenant ${tenant}`)
  }
  return {
    find: async (turnId) => {
      const { agentId } = await desk.ask('find', { turnId })
      return agentId === null ? undefined : { tenant, agentId }
    },
    last: async (agent, turnId) => {
      requireOwn(agent)
      const { batch } = await desk.ask('last', { agentId: agent.agentId, turnId })
      // The number of the batch before the last one is not known, and no number in JSON.
      return batch ? { ...batch, previous: NaN } : undefined
    },
    read: async function* (agent, turnId, from, signal) {
      requireOwn(agent)
      let [after, hasMore] = [from, true]
      while (hasMore && !signal?.aborted) {
        const page = await desk.ask('read', { agentId: agent.agentId, turnId, after })
        yield* page.batches
        after = page.batches.at(-1)?.seq ?? after
        hasMore = page.hasMore
      }
    },
    watch: (agent, turnId, listener, signal) => live.watch(agent, turnId, listener, signal),
  }
}
