import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Subject } from 'rxjs'
import type { AgentHome } from '../../src/api/fleet/internals.ts'
import { SavedHomes } from '../../src/cluster/homes/saved-homes.ts'
import type { AgentKey } from '../../src/cluster/store/cluster-store.ts'
import { MemoryCluster, type MemoryStore } from '../../src/cluster/store/memory/memory-store.ts'
import { HomeMarks } from '../../src/io/fleet/home-marks.ts'
import { tempHome } from './home.ts'

/** Agent whose home moves. */
export const movedAgent: AgentKey = { tenant: 'acme', agentId: 'a1' }

/** Two or more hosts with the same data folder on disks of their own, one of which is mounted at a time. */
export class MovingHomes {
  readonly memory = new MemoryCluster()
  readonly root = tempHome()
  readonly dataDir = join(this.root, 'agents')
  /** Homes that are deleted with their agents: a test does so by hand. */
  readonly wipes = {
    retired$: new Subject<string>(),
    settled: (): Promise<void> => Promise.resolve(),
    requireDone: (): Promise<void> => Promise.resolve(),
    exclusively: <T>(_agentId: string, work: () => Promise<T>): Promise<T> => work(),
  }
  #mounted = ''
  #gid: number | undefined

  /** Lets another user enter the folder of the test, and the data folder of each host. */
  openTo({ gid }: { gid: number }): void {
    this.#gid = gid
    chownSync(this.root, -1, gid)
    chmodSync(this.root, 0o710)
  }

  /** Makes the disk of a host the present one. */
  mount(name: string): void {
    if (this.#mounted === name) return
    const disk = (of: string): string => join(this.root, `disk-${of}`)
    if (this.#mounted !== '') renameSync(this.dataDir, disk(this.#mounted))
    if (existsSync(disk(name))) renameSync(disk(name), this.dataDir)
    else mkdirSync(this.dataDir)
    if (this.#gid !== undefined) {
      chownSync(this.dataDir, -1, this.#gid)
      chmodSync(this.dataDir, 0o710)
    }
    this.#mounted = name
  }

  host(name: string, more: Partial<AgentHome> & { opencode?: string; dataDir?: string } = {}): HomeHost {
    return new HomeHost(this, name, more)
  }
}

/** Host of a test, with the homes of its agents. */
export class HomeHost {
  readonly homes: SavedHomes
  readonly store: MemoryStore
  readonly warnings: string[] = []
  readonly home: string
  /** False while the fleet does not have the agent. */
  hasAgent = true
  /** Version of the agent's running server. */
  server: string | undefined
  readonly #mount: () => void

  constructor(
    world: MovingHomes,
    name: string,
    {
      opencode = '1.18.33',
      dataDir = world.dataDir,
      ...more
    }: Partial<AgentHome> & {
      opencode?: string
      dataDir?: string
    },
  ) {
    this.store = world.memory.connect()
    this.home = join(dataDir, movedAgent.agentId)
    this.#mount = () => world.mount(name)
    this.#mount()
    mkdirSync(dataDir, { recursive: true })
    const plain = {
      ...{ path: this.home, user: undefined, owner: undefined },
      ...{ binary: process.execPath, opencode: undefined },
    }
    this.homes = new SavedHomes({
      store: this.store,
      savesBeforeEnd: true,
      opencode,
      marks: new HomeMarks(dataDir),
      wipes: world.wipes,
      homeOf: () => (this.hasAgent ? { ...plain, ...more, opencode: this.server } : undefined),
      warn: (message) => this.warnings.push(message),
    })
  }

  async restore(epoch: number, signal: AbortSignal = new AbortController().signal): Promise<void> {
    this.#mount()
    await this.homes.restore({ agent: movedAgent, epoch }, signal)
  }

  async save(epoch: number, signal: AbortSignal = new AbortController().signal): Promise<void> {
    this.#mount()
    await this.homes.save({ agent: movedAgent, epoch }, signal)
  }

  write(path: string, text: string): void {
    this.#mount()
    mkdirSync(dirname(join(this.home, path)), { recursive: true })
    writeFileSync(join(this.home, path), text)
  }

  /** Returns the text of a file of the home; `undefined` for no file. */
  read(path: string): string | undefined {
    this.#mount()
    return existsSync(join(this.home, path)) ? readFileSync(join(this.home, path), 'utf8') : undefined
  }

  remove(path: string): void {
    this.#mount()
    rmSync(join(this.home, path), { recursive: true })
  }
}
