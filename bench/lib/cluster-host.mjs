// Host of a cluster in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cuttingProxy } from './cutting-proxy.mjs'

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url))
/** Programs of a host: with a fleet on fake servers, or with agents without servers. */
const programs = { fleet: pathOf('../../test/fixtures/hosts/cluster.mjs'), stub: pathOf('stub-host.mjs') }
const dist = pathOf('../../dist')

/** Host in a process, whose network can be cut. */
export class ClusterHost {
  id
  isStopped = false
  isCut = false
  /** True once the host is told to leave. */
  isLeaving = false
  #proxies
  #child
  #exited
  #facts = []
  #waiting = new Set()

  /**
   * Starts a host, and resolves when it is a member.
   * @param {{ program: 'fleet' | 'stub', servers: number[], join: { hostId: string } }} options `servers`: ports
   */
  static async start({ servers, ...options }) {
    const proxies = await Promise.all(servers.map(cuttingProxy))
    const host = new ClusterHost(proxies, { ...options, servers: proxies.map(({ address }) => address) })
    await host.#reported(({ joined }) => joined !== undefined)
    return host
  }

  constructor(proxies, options) {
    this.id = options.join.hostId
    this.#proxies = proxies
    const args = [programs[options.program], dist, JSON.stringify(options)]
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin.on('error', () => {})
    this.#exited = once(this.#child, 'exit')
    createInterface(this.#child.stdout).on('line', (line) => {
      this.#facts.push(JSON.parse(line))
      for (const look of this.#waiting) look()
    })
    void this.#exited.then(() => {
      for (const look of this.#waiting) look()
    })
  }

  get pid() {
    return this.#child.pid
  }

  get isAlive() {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** True if the host works, and has not been told to leave. */
  get isWell() {
    return this.isAlive && !this.isStopped && !this.isCut && !this.isLeaving
  }

  /** Reports of the host so far. */
  get facts() {
    return this.#facts
  }

  /** Resolves with the next report that a test accepts. */
  next(isWanted) {
    const { length } = this.#facts
    return this.#reported((fact, i) => i >= length && isWanted(fact))
  }

  /** Returns what the host sees of the cluster. */
  async status() {
    const told = this.next(({ status }) => status !== undefined)
    this.#child.stdin.write('status null\n')
    return (await told).status
  }

  /** Leaves the cluster, and resolves at the end of the process. */
  async drain(drainMs) {
    this.isLeaving = true
    this.#child.stdin.write(`drain ${JSON.stringify({ drainMs })}\n`)
    await this.#exited
    this.#close()
  }

  stop() {
    this.isStopped = true
    this.#child.kill('SIGSTOP')
  }

  continue() {
    this.isStopped = false
    this.#child.kill('SIGCONT')
  }

  cut() {
    this.isCut = true
    for (const proxy of this.#proxies) proxy.cut()
  }

  mend() {
    this.isCut = false
    for (const proxy of this.#proxies) proxy.mend()
  }

  /** Kills the host as the out-of-memory killer would. */
  async kill() {
    if (this.isAlive) {
      this.#child.kill('SIGKILL')
      await this.#exited
    }
    this.#close()
  }

  #close() {
    for (const proxy of this.#proxies) proxy.close()
  }

  /** Resolves with the first report that a test accepts. */
  #reported(isWanted) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.#facts.find(isWanted)
        if (!found && this.isAlive) return
        this.#waiting.delete(look)
        if (found) resolve(found)
        else reject(new Error(`The host ${this.id} has ended`))
      }
      this.#waiting.add(look)
      look()
    })
  }
}
