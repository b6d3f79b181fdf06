// Shared environment of all contenders: the model, homes, the binary. Nothing is left behind at the end.
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { OpenCodeServer } from '../../dist/index.js'
import { resolveBinary } from '../../build/io/opencode/binary.js'
import { serverEnvironment } from '../../build/io/opencode/environment.js'
import { contender } from './remote.mjs'

const at = (path) => new URL(path, import.meta.url)

export class Stage {
  #ends = []
  #folders = []

  static async open() {
    const stage = new Stage()
    const model = await stage.#contender('model.mjs')
    stage.proxy = await model.endpoint()
    stage.binary = await resolveBinary()
    return stage
  }

  async #contender(file, options) {
    const remote = await contender(at(file), options)
    this.#ends.push(remote.end)
    return remote
  }

  /** Starts a contender of `contenders/` in its own process. */
  contender = (name, options) => this.#contender(`../contenders/${name}.mjs`, options)

  folder() {
    const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
    this.#folders.push(folder)
    return folder
  }

  /** Returns a home with a config, and without anything that a server leaves. */
  async home() {
    const home = this.folder()
    const server = new OpenCodeServer(this.options(home))
    await server.writeConfig()
    await server.close()
    mkdirSync(join(home, 'workspace'), { recursive: true })
    return home
  }

  options = (home, options) => ({
    home,
    proxy: this.proxy,
    models: ['gpt-4o'],
    binary: this.binary,
    maxConcurrentTurns: 128,
    ...options,
  })

  /** Returns what another client needs to start the same server in the same home. */
  async plan(home) {
    const env = serverEnvironment({
      home,
      username: 'opencode',
      password: randomBytes(12).toString('hex'),
      marker: 'bench',
      env: {},
      trustProjectConfig: false,
    })
    mkdirSync(env.TMPDIR, { recursive: true })
    return { binary: this.binary, port: await getPort(), directory: join(home, 'workspace'), env }
  }

  /** Returns one server of the runtime that has run some turns, and the other contenders attached to it. */
  async oneServer() {
    const [runtime, bare, sdk] = await Promise.all(
      ['runtime', 'bare', 'sdk'].map((name) => this.contender(name)),
    )
    const home = await this.home()
    await runtime.start(this.options(home))
    this.#ends.push(() => runtime.close())
    const server = { ...(await runtime.where()), directory: join(home, 'workspace') }
    for (const other of [bare, sdk]) await other.attach(server)
    for (const contender of [runtime, bare, sdk]) for (let i = 0; i < 5; i++) await contender.turn()
    return { runtime, bare, sdk }
  }

  async close() {
    for (const end of this.#ends.reverse()) await end()
    for (const folder of this.#folders)
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

/** Runs a bench on a stage. Always closes the stage, also after a failure. */
export async function bench(run) {
  const stage = await Stage.open()
  try {
    return await run(stage)
  } finally {
    await stage.close()
  }
}
