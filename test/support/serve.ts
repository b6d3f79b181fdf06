import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { stringify } from 'yaml'
import { expect, onTestFinished, vi } from 'vitest'
import { fakeOpenCode, type FakeOpenCodeOptions } from '../../src/testing/index.ts'
import { expectNothingLeftOf, processesIn } from './fleet.ts'
import { tempHome } from './home.ts'

/** Key of the agents, which the config file reads from the environment. */
const apiKey = 'sk-serve-test-0123456789'

/** Content of a config file, with the names of the file. */
export type FileContent = Record<string, unknown> & { agents?: object[] }

/** Folder with a config file and a fake opencode, for daemons that start one after another. */
export async function serveStage(cli: string, fakeOptions: FakeOpenCodeOptions = {}) {
  const folder = tempHome()
  const fake = await fakeOpenCode({}, fakeOptions)
  const [file, dataDir] = [join(folder, 'fleet.yaml'), join(folder, 'data')]
  mkdirSync(dataDir)
  const daemons: Daemon[] = []
  onTestFinished(async () => {
    for (const { child } of daemons) child.kill('SIGKILL')
    await Promise.all(daemons.map(({ ended }) => ended))
    await fake.stop()
    for (const pid of [...processesIn(dataDir), ...processesIn(dataDir, 'watchers')])
      process.kill(pid, 'SIGKILL')
  }, 60_000)
  const env = { ...process.env, SERVE_KEY: apiKey }
  const write = (content: FileContent): void => {
    const defaults = {
      proxy: { base_url: 'http://127.0.0.1:9/v1', api_key: { env: 'SERVE_KEY' } },
      models: ['gpt-4o'],
      binary: fake.binary,
    }
    writeFileSync(file, stringify({ listen: '127.0.0.1:0', defaults, ...content }))
  }
  /** Starts a daemon on the config file. */
  const start = (...flags: string[]): Daemon => {
    const daemon = new Daemon(spawn(process.execPath, [cli, 'serve', '--config', file, ...flags], { env }))
    daemons.push(daemon)
    return daemon
  }
  return {
    folder,
    file,
    dataDir,
    fake,
    /** Writes the config file. */
    write,
    /** Writes a text as the config file. */
    writeText: (text: string): void => writeFileSync(file, text),
    /** Runs a command of the command line to its end. */
    run: (...args: string[]) => execa(process.execPath, [cli, ...args], { reject: false, env }),
    start,
    /** Starts a daemon on the config file, and waits until it serves. */
    serve: async (...flags: string[]): Promise<Daemon> => {
      const daemon = start(...flags)
      await daemon.serves()
      return daemon
    },
    /** Asserts that no process and no file of a running fleet is left. */
    expectNothingLeft: () => expectNothingLeftOf(dataDir),
  }
}

/** Process of `serve`. */
export class Daemon {
  readonly child: ChildProcess
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.ended = once(child, 'exit').then(([code]) => code as number | null)
  }

  /** Waits until the daemon serves; fails with its messages if it ends before. */
  async serves(): Promise<void> {
    await vi.waitUntil(() => this.stdout.includes(' serves ') || this.child.exitCode !== null, {
      timeout: 60_000,
      interval: 20,
    })
    if (this.child.exitCode !== null)
      throw new Error(`serve ended with ${this.child.exitCode}: ${this.stderr}`)
  }

  /** Address of the gateway. */
  get url(): string {
    return / at (http:\S+)/.exec(this.stdout)?.[1] ?? ''
  }

  /** Waits for a line of the log. */
  logs(text: string | RegExp): Promise<unknown> {
    return expect.poll(() => this.stderr, { timeout: 30_000, interval: 20 }).toMatch(text)
  }

  /** Sends a request, with JSON if a body is given. */
  fetch(
    path: string,
    init: { method?: string; token?: string; body?: unknown; accept?: string } = {},
  ): Promise<Response> {
    const { token, body, accept, method = body === undefined ? 'GET' : 'POST' } = init
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(accept !== undefined && { accept }),
    }
    return fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  /** Ids of the agents, as the gateway lists them. */
  async agents(token?: string): Promise<string[]> {
    const answer = await this.fetch('/v1/agents', token === undefined ? {} : { token })
    const { items } = (await answer.json()) as { items: { id: string }[] }
    return items.map(({ id }) => id)
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}
