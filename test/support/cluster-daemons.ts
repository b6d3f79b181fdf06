import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ignoreErrors } from '../../src/util/ignore-errors.ts'
import { processesIn } from './fleet.ts'
import { Daemon } from './serve.ts'

/** Options of daemons that are hosts of one cluster. */
export interface ClusterDaemonOptions {
  /** Path of the built `cli.js`. */
  cli: string
  /** Address of NATS. */
  servers: string
  /** Name of the cluster. */
  name: string
  leaseMs: number
  /** Path of the opencode binary. */
  binary: string
  agents: readonly object[]
  /** More fields of `cluster` in the config files, such as credentials. */
  cluster?: object
}

/** Daemons of `serve`, each a host and a gateway of one cluster with a folder of its own. */
export class ClusterDaemons {
  readonly #options: ClusterDaemonOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  readonly #daemons: Daemon[] = []

  constructor(options: ClusterDaemonOptions) {
    this.#options = options
  }

  /**
   * Starts the daemon of a host, also again after its end, and waits until it serves.
   *
   * @param cluster - fields of `cluster` for this host, in the place of those of the options
   */
  async start(hostId: string, cluster: object = this.#options.cluster ?? {}): Promise<Daemon> {
    const { cli } = this.#options
    const args = [cli, 'serve', '--config', this.#config(hostId, cluster), '--insecure-no-auth']
    const daemon = new Daemon(
      spawn(process.execPath, args, { env: { ...process.env, SERVE_KEY: 'sk-test' } }),
    )
    this.#daemons.push(daemon)
    await daemon.serves()
    return daemon
  }

  /** Returns whether an agent has a home on a host. */
  hasHome(hostId: string, agentId: string): boolean {
    return existsSync(join(this.#folder, hostId, 'homes', agentId))
  }

  /** Kills all daemons with all their processes, and removes their folders. */
  async end(): Promise<void> {
    for (const { child } of this.#daemons) child.kill('SIGKILL')
    await Promise.all(this.#daemons.map(({ ended }) => ended))
    for (const pid of [...processesIn(this.#folder), ...processesIn(this.#folder, 'watchers')])
      ignoreErrors(() => process.kill(pid, 'SIGKILL'))
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20 })
  }

  #config(hostId: string, cluster: object): string {
    const { servers, name, leaseMs, binary, agents } = this.#options
    const folder = join(this.#folder, hostId)
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'fleet.yaml')
    const content = {
      listen: '127.0.0.1:0',
      data_dir: join(folder, 'homes'),
      defaults: {
        proxy: { base_url: 'http://127.0.0.1:9/v1', api_key: { env: 'SERVE_KEY' } },
        models: ['gpt-4o'],
        binary,
      },
      agents,
      cluster: { name, servers, host_id: hostId, lease_ms: leaseMs, ...cluster },
    }
    writeFileSync(file, stringify(content))
    return file
  }
}
