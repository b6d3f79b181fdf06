import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import type { AgentSpec } from '../../src/index.ts'
import type { ClusterStatus } from '../../src/cluster/cluster-status.ts'
import type { JoinOptions } from '../../src/cluster/options.ts'
import type { FleetOptions } from '../../src/index.ts'
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
  /** Folder that the host alone sees in the place of `dataDir`: see {@link ownMounts}. */
  disk?: string
  /** Option `homes` of the host. */
  homes?: JoinOptions['homes']
  /** Further options of the host's fleet. */
  fleet?: Partial<FleetOptions>
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
  /** Name of the host's own mounts, which its processes share. */
  #mounts: string | undefined

  constructor(given: ClusterHostOptions) {
    const { dist, servers, name, hostId, leaseMs, binary, agents, key, dataDir, disk, homes, fleet } = given
    this.hostId = hostId
    this.dataDir = dataDir ?? tempHome()
    const { proxy, ...common } = fleetDefaults
    const { apiKey, ...endpoint } = proxy
    const ownProxy = key === undefined ? { ...endpoint, apiKey } : endpoint
    const defaults = { ...common, proxy: ownProxy, ...fleet?.defaults, binary }
    const options = {
      ...{ servers, agents, key },
      fleet: { dataDir: this.dataDir, ...fleet, defaults },
      join: { name, hostId, leaseMs, ...(homes && { homes }) },
    }
    const program = [process.execPath, hostProgram('cluster'), dist, JSON.stringify(options)]
    const [file = '', ...args] = disk === undefined ? program : onDisk(disk, this.dataDir, program)
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
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
    this.#mounts = mountsOf(this.#child.pid)
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
    const left = () => [...this.servers, ...this.#own(processesIn(this.dataDir, 'watchers'))]
    const killLeft = (): boolean => {
      for (const pid of left()) ignoreErrors(() => process.kill(pid, 'SIGKILL'))
      return left().length === 0
    }
    await vi.waitUntil(killLeft, { timeout: 15_000, interval: 50 })
  }

  /** Pids of the opencode servers of the host. */
  get servers(): number[] {
    return this.#own(processesIn(this.dataDir))
  }

  /** Leaves out the processes of another host with the same data folder. */
  #own(pids: number[]): number[] {
    return pids.filter((pid) => this.#mounts === undefined || mountsOf(pid) === this.#mounts)
  }

  #command(name: string, argument: unknown): void {
    this.#child.stdin?.write(`${name} ${JSON.stringify(argument)}\n`)
  }
}

/** Command before a program that gets mounts of its own; `undefined` if this machine permits none. */
const ownMount = [
  ['unshare', '-m'],
  ['unshare', '-Urm'],
].find(([file = '', ...args]) => spawnSync(file, [...args, 'true']).status === 0)

/**
 * True if hosts on this machine can each see a folder of their own at one path: the homes of agents must be at the same
 * path on every host.
 */
export const hasOwnMounts = ownMount !== undefined

/** Returns the command of a program that sees a folder in the place of another one. */
const onDisk = (disk: string, folder: string, program: readonly string[]): string[] => [
  ...(ownMount ?? []),
  ...['/bin/sh', '-c', 'mount --bind "$1" "$2" && shift 2 && exec "$@"', 'sh', disk, folder, ...program],
]

const mountsOf = (pid: number | undefined): string | undefined =>
  ignoreErrors(() => readlinkSync(`/proc/${pid ?? 'none'}/ns/mnt`))
