import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import type { AgentSpec } from '../../src/index.ts'
import type { ClusterStatus } from '../../src/cluster/cluster-status.ts'
import { ignoreErrors } from '../../src/util/ignore-errors.ts'
import { fleetDefaults, processesIn } from './fleet.ts'
import { tempHome } from './home.ts'
import { hostProgram } from './host.ts'

/** Options of a host of a cluster in its own process. */
export interface ClusterHostOptions {
  /** Folder of the built package. */
  dist: string
  /** Address of NATS. */
  servers: string
  /** Name of the cluster, and of the host. */
  name: string
  hostId: string
  leaseMs: number
  /** Path of the opencode binary. */
  binary: string
  agents: readonly { id: string; tenant: string }[]
  /** Key of the agents' endpoint, which the host's option `resolveKey` returns; in the fleet's defaults if absent. */
  key?: string
  /** Data folder of the fleet; one that is deleted after the test if absent. */
  dataDir?: string
}

/** Report of a host. */
interface Fact {
  joined?: string
  drained?: string
  status?: ClusterStatus
  agents?: string[]
}

/** Host of a cluster in its own process, with a data folder of its own. */
export class ClusterHostProcess {
  readonly hostId: string
  readonly dataDir: string
  readonly #child: ChildProcess
  readonly #facts: Fact[] = []
  readonly #exited: Promise<unknown>

  constructor({ dist, servers, name, hostId, leaseMs, binary, agents, key, dataDir }: ClusterHostOptions) {
    this.hostId = hostId
    this.dataDir = dataDir ?? tempHome()
    const { proxy, ...defaults } = fleetDefaults
    const { apiKey, ...endpoint } = proxy
    const options = {
      ...{ servers, agents, key },
      fleet: {
        dataDir: this.dataDir,
        defaults: { ...defaults, proxy: { ...endpoint, ...(key === undefined && { apiKey }) }, binary },
      },
      join: { name, hostId, leaseMs },
    }
    const args = [hostProgram('cluster'), dist, JSON.stringify(options)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface(child.stdout).on('line', (line) => this.#facts.push(JSON.parse(line) as Fact))
    this.#exited = once(child, 'exit')
    this.#child = child
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the host is a member. */
  async joined(): Promise<this> {
    await vi.waitUntil(() => this.#facts.some(({ joined }) => joined !== undefined), { timeout: 30_000 })
    return this
  }

  /** Returns what the host sees of the cluster. */
  async status(): Promise<ClusterStatus> {
    const { length } = this.#facts
    this.#command('status', null)
    return vi.waitUntil(() => this.#facts.slice(length).find(({ status }) => status)?.status, {
      timeout: 10_000,
    })
  }

  /** Declares an agent at this host. */
  put(spec: AgentSpec): void {
    this.#command('put', spec)
  }

  /** Removes an agent at this host. */
  remove(id: string): void {
    this.#command('remove', id)
  }

  /** Returns the agents of the host's fleet, as `<tenant>.<agent>`. */
  async agents(): Promise<string[]> {
    const { length } = this.#facts
    this.#command('agents', null)
    return vi.waitUntil(() => this.#facts.slice(length).find(({ agents }) => agents)?.agents, {
      timeout: 10_000,
    })
  }

  /** Leaves the cluster, and waits for the end of the process. */
  async drain(drainMs: number): Promise<void> {
    this.#command('drain', { drainMs })
    await this.#exited
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }

  /** Kills the host as the out-of-memory killer would. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    this.#child.kill('SIGCONT')
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Kills the host with all its processes. */
  async end(): Promise<void> {
    await this.kill()
    const left = () => [...processesIn(this.dataDir), ...processesIn(this.dataDir, 'watchers')]
    const killLeft = (): boolean => {
      for (const pid of left()) ignoreErrors(() => process.kill(pid, 'SIGKILL'))
      return left().length === 0
    }
    await vi.waitUntil(killLeft, { timeout: 15_000, interval: 50 })
  }

  /** Pids of the opencode servers of the host. */
  get servers(): number[] {
    return processesIn(this.dataDir)
  }

  #command(name: string, argument: unknown): void {
    this.#child.stdin?.write(`${name} ${JSON.stringify(argument)}\n`)
  }
}
