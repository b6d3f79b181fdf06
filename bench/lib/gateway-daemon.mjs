// `opencode-runtime serve` in a process of its own, on a fake opencode, for runs that kill it.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fakeOpenCode } from '../../dist/testing/index.js'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** Folder of a gateway, with its config file and a token. Daemons run on it one after another. */
export class GatewayStage {
  folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-gateway-'))
  dataDir = join(this.folder, 'data')
  token = ''
  /** @type {import('node:child_process').ChildProcess | undefined} */
  child
  fake
  #file = join(this.folder, 'fleet.yaml')
  #log = ''

  /** @param {import('../../dist/testing/index.js').FakeOpenCode} fake */
  constructor(fake) {
    this.fake = fake
  }

  /** @param {{ agents: object[], defaults?: object, [name: string]: unknown }} content content of the config file */
  static async open({ defaults, ...content }) {
    const stage = new GatewayStage(await fakeOpenCode())
    const { binary } = stage.fake
    const proxy = { base_url: 'http://127.0.0.1:9/v1', api_key: 'sk-bench-0123456789' }
    const config = {
      listen: '127.0.0.1:0',
      data_dir: stage.dataDir,
      defaults: { proxy, models: ['gpt-4o'], binary, ...defaults },
      ...content,
    }
    // JSON is YAML, too.
    writeFileSync(stage.#file, JSON.stringify(config))
    const args = [cli, 'token', 'create', '--data-dir', stage.dataDir, '--id', 'bench', '--json']
    stage.token = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).token
    return stage
  }

  /** Starts a daemon, and resolves with its address when it serves. */
  async start() {
    const child = spawn(process.execPath, [cli, 'serve', '--config', this.#file])
    this.child = child
    this.#log = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (this.#log = (this.#log + text).slice(-4_000)))
    let printed = ''
    for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      printed += text
      const [, url] = / serves .* at (http:\S+)/.exec(printed) ?? []
      if (url === undefined) continue
      child.stdout.resume()
      return url
    }
    throw new Error(`serve ended before it served: ${printed}${this.#log}`)
  }

  /** Kills the daemon, and resolves when it is dead. */
  kill = () => this.#end('SIGKILL')

  /** Stops the daemon, and resolves with its exit code. */
  stop = () => this.#end('SIGTERM')

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const { child } = this
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode
    const ended = once(child, 'exit')
    child.kill(signal)
    const [code] = await ended
    return code
  }

  /** Last lines of the daemon's log. */
  get log() {
    return this.#log
  }

  /** Ends what is left, and removes the folder. */
  async close() {
    await this.kill()
    await this.fake.stop()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
