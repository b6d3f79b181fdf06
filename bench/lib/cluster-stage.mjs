// Servers of NATS, hosts as processes, and callers: a whole cluster on one machine, for runs that break it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
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
  #places
  #callers = []

  /**
   * @param {{ nodes?: number, leaseMs: number, agents: { id: string, tenant: string }[], fleet?: object,
   *   places?: { agents: number, turns: number } }} options `nodes`: number of servers of NATS; `places`: of hosts whose
   *   agents have no servers; hosts have fleets on fake servers if absent
   */
  static async open({ nodes: count = 1, ...options }) {
    const found = await natsBinary()
    if ('missing' in found) throw new Error(`no nats-server: ${found.missing}`)
    const { binary } = found
    const nodes = count > 1 ? await NatsServer.startCluster(binary, count) : [await NatsServer.start(binary)]
    return new ClusterStage(nodes, await fakeOpenCode(), options)
  }

  constructor(nodes, fake, { leaseMs, agents, fleet = {}, places }) {
    this.nodes = nodes
    this.fake = fake
    this.leaseMs = leaseMs
    this.#agents = agents
    this.#fleet = fleet
    this.#places = places
  }

  /** Options of the agents of a fleet on fake servers. */
  get fleetDefaults() {
    return { ...defaults, binary: this.fake.binary }
  }

  /** Connects to NATS as a caller does. */
  connect = () =>
    connect({
      servers: this.#ports.map((port) => `127.0.0.1:${port}`),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ignoreClusterUpdates: true,
    })

  /** Connects a caller. Hosts whose agents have no servers declare none, so that this does. */
  async caller() {
    if (this.#places && this.#callers.length === 0) await this.#declareAgents()
    const caller = await connectCluster({ name: this.name, connect: this.connect })
    this.#callers.push(caller)
    return caller
  }

  async #declareAgents() {
    const connection = await this.connect()
    const bucket = await new Kvm(connection).open(`OC_${this.name}_AGENTS`)
    for (const agent of this.#agents) await bucket.put(`${agent.tenant}.${agent.id}`, JSON.stringify(agent))
    await connection.close()
  }

  /** Starts a host, and resolves when it is a member. @param {string} hostId */
  async host(hostId) {
    const { name, leaseMs } = this
    const fleet = {
      dataDir: join(this.folder, hostId),
      ...{ limits: { ...limits, ...this.#fleet.limits }, tenants: this.#fleet.tenants },
      defaults: this.fleetDefaults,
    }
    const replicas = this.nodes.length === 1 ? 1 : 3
    const isStub = this.#places !== undefined
    const host = await ClusterHost.start({
      program: isStub ? 'stub' : 'fleet',
      ...(isStub ? { places: this.#places } : { fleet, agents: this.#agents }),
      ...{ servers: this.#ports, join: { name, hostId, leaseMs, replicas } },
    })
    this.hosts.set(hostId, host)
    return host
  }

  /** Returns the server of NATS that leads a stream. @param {'INBOX' | 'REPLIES'} stream */
  async leaderOf(stream) {
    const connection = await this.connect()
    const { cluster } = await (await jetstreamManager(connection)).streams.info(`OC_${this.name}_${stream}`)
    await connection.close()
    return this.nodes[Number(cluster.leader.slice(1)) - 1]
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
    return { turns, batches, left: state.messages }
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
        list.push({ at: message.time.getTime(), batch: message.json() })
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
