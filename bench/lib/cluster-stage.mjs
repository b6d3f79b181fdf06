// Servers of NATS, hosts as processes, and callers: a whole cluster on one machine, for runs that break it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { connectCluster } from '../../dist/cluster/index.js'
import { fakeOpenCode } from '../../dist/testing/index.js'
import { ClusterHost } from './cluster-host.mjs'
import { testSupport } from './typescript.mjs'

const { natsBinary, NatsServer } = await testSupport('nats-server')
const { auditTurn } = await testSupport('cluster-audit')

const limits = {
  maxServers: 60,
  maxStarting: 4,
  maxRunningTurns: 64,
  maxQueuedTurns: 10_000,
  memoryMb: 100_000,
}
const defaults = {
  proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-bench-0123456789' },
  models: ['gpt-4o'],
  stopGraceMs: 1_000,
  backoffInitialMs: 50,
  backoffMaxMs: 500,
  maxRestarts: 100,
  turnDeadlineMs: 120_000,
}

/** Cluster with its servers of NATS, its hosts, and its callers. */
export class ClusterStage {
  name = 'bench'
  nodes
  leaseMs
  fake
  /** Hosts by id; those that are gone, too. @type {Map<string, ClusterHost>} */
  hosts = new Map()
  folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-cluster-'))
  #agents
  #fleet
  #callers = []

  /**
   * @param {{ nodes?: number, leaseMs: number, agents: { id: string, tenant: string }[], fleet?: object }} options
   *   `nodes`: number of servers of NATS
   */
  static async open({ nodes: count = 1, ...options }) {
    const found = await natsBinary()
    if ('missing' in found) throw new Error(`no nats-server: ${found.missing}`)
    const { binary } = found
    const nodes = count > 1 ? await NatsServer.startCluster(binary, count) : [await NatsServer.start(binary)]
    return new ClusterStage(nodes, await fakeOpenCode(), options)
  }

  constructor(nodes, fake, { leaseMs, agents, fleet = {} }) {
    this.nodes = nodes
    this.fake = fake
    this.leaseMs = leaseMs
    this.#agents = agents
    this.#fleet = fleet
  }

  /** Connects to NATS as a caller does. */
  connect = () =>
    connect({
      servers: this.#ports.map((port) => `127.0.0.1:${port}`),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ignoreClusterUpdates: true,
    })

  async caller() {
    const caller = await connectCluster({ name: this.name, connect: this.connect })
    this.#callers.push(caller)
    return caller
  }

  /** Starts a host, and resolves when it is a member. @param {string} hostId */
  async host(hostId) {
    const { name, leaseMs, fake } = this
    const fleet = {
      dataDir: join(this.folder, hostId),
      ...{ limits: { ...limits, ...this.#fleet.limits }, tenants: this.#fleet.tenants },
      defaults: { ...defaults, binary: fake.binary },
    }
    const replicas = this.nodes.length === 1 ? 1 : 3
    const options = { servers: this.#ports, fleet, agents: this.#agents }
    const host = await ClusterHost.start({ ...options, join: { name, hostId, leaseMs, replicas } })
    this.hosts.set(hostId, host)
    return host
  }

  /** Checks all that is stored: of each turn the ends, the problems, and the number of owners; and the inboxes. */
  async audit() {
    const connection = await this.connect()
    const batches = await this.#readAll(connection)
    const turns = new Map()
    for (const [turnId, list] of batches) turns.set(turnId, auditTurn(list))
    const manager = await jetstreamManager(connection)
    const { state } = await manager.streams.info(`OC_${this.name}_INBOX`)
    await connection.close()
    return { turns, left: state.messages }
  }

  /** Reads all batches of all turns. @returns {Promise<Map<string, object[]>>} */
  async #readAll(connection) {
    const stream = `OC_${this.name}_REPLIES`
    const manager = await jetstreamManager(connection)
    const { name, num_pending: count } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      mem_storage: true,
      num_replicas: 1,
    })
    const batches = new Map()
    const messages = await (await jetstream(connection).consumers.get(stream, name)).consume()
    let left = count
    if (left > 0)
      for await (const message of messages) {
        const turnId = message.subject.split('.').at(-1)
        const list = batches.get(turnId) ?? []
        list.push({ batch: message.json() })
        batches.set(turnId, list)
        if (--left === 0) break
      }
    await messages.close()
    await manager.consumers.delete(stream, name)
    return batches
  }

  get #ports() {
    return this.nodes.map(({ port }) => port)
  }

  /** Ends all hosts, callers and servers, and removes the folder. */
  async close() {
    for (const caller of this.#callers) await caller.close()
    await Promise.all([...this.hosts.values()].map((host) => host.kill()))
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.fake.stop()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
