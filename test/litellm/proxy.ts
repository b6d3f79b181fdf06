import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { choosePort } from '../../src/io/process/port.ts'
import { signalGroup } from '../../src/io/process/processes.ts'
import { expectNothingLeft, processesOf } from '../support/home.ts'

/** How a proxy is started. */
export interface ProxyOptions {
  /** A Python that has LiteLLM. */
  python: string
  /** The only key that the proxy takes. */
  masterKey: string
  /** The names that it offers, and where each leads. */
  models: Readonly<Record<string, { baseURL: string; apiKey: string }>>
  /** Default: a free one. */
  port?: number
}

/** A running LiteLLM proxy. */
export interface Proxy {
  /** For `proxy.baseURL` of a server: `http://127.0.0.1:PORT/v1`. */
  readonly baseURL: string
  readonly port: number
  /** Ends it and all that it started, and asserts that nothing is left: no process, no listening port. Safe to repeat. */
  stop(): Promise<void>
  /** As a crash does, in the middle of whatever it streams; asserts the same. */
  kill(): Promise<void>
}

const startLimitMs = 180_000
const stopLimitMs = 15_000

/**
 * Starts the real LiteLLM proxy on loopback, and waits until it is ready. It has a home of its own, no database, and
 * sends nothing anywhere but to its models.
 *
 * Rejects with the end of its log where it exits or is not ready in time.
 */
export async function startProxy(options: ProxyOptions, tries = 3): Promise<Proxy> {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-litellm-'))
  const port = options.port ?? (await choosePort('127.0.0.1', undefined))
  const origin = `http://127.0.0.1:${port}`
  const child = launch(home, port, options)
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await endGroup(child, home, signal)
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  const endAndCheck = (signal: 'SIGTERM' | 'SIGKILL') => async (): Promise<void> => {
    await end(signal)
    await expectNothingLeft(home, [origin])
  }
  try {
    await ready(child, origin)
  } catch (cause) {
    const log = readFileSync(logOf(home), 'utf8').slice(-4_000)
    await end('SIGKILL')
    // Half a minute passes before it binds its port: somebody else may have taken it.
    const isTaken = options.port === undefined && log.includes('address already in use')
    if (isTaken && tries > 1) return startProxy(options, tries - 1)
    throw new Error(`LiteLLM did not start. Its log ends:\n${log}`, { cause })
  }
  return { baseURL: `${origin}/v1`, port, stop: endAndCheck('SIGTERM'), kill: endAndCheck('SIGKILL') }
}

const logOf = (home: string): string => join(home, 'proxy.log')

function launch(home: string, port: number, options: ProxyOptions): ChildProcess {
  const config = join(home, 'config.yaml')
  writeFileSync(config, JSON.stringify(configOf(options)), { mode: 0o600 })
  const args = ['--config', config, '--host', '127.0.0.1', '--port', String(port)]
  const log = openSync(logOf(home), 'a')
  const child = spawn(options.python, [join(import.meta.dirname, 'serve.py'), ...args], {
    cwd: home,
    detached: true,
    env: { ...quiet, PATH: process.env['PATH'], HOME: home },
    stdio: ['pipe', log, log],
  })
  closeSync(log)
  return child
}

/** Nothing is fetched when it starts; and whatever would be fetched all the same finds no way out. */
const quiet = {
  LITELLM_LOCAL_MODEL_COST_MAP: 'True',
  LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
  LITELLM_LOCAL_AUTOROUTER_PRESETS: 'True',
  LITELLM_LOCAL_BLOG_POSTS: 'True',
  LITELLM_LOCAL_POLICY_TEMPLATES: 'True',
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '127.0.0.1',
}

/** JSON is YAML. A failure passes straight through: no retry, no cooldown. */
function configOf({ masterKey, models }: ProxyOptions): object {
  return {
    model_list: Object.entries(models).map(([id, { baseURL, apiKey }]) => ({
      model_name: id,
      litellm_params: { model: `openai/${id}`, api_base: baseURL, api_key: apiKey },
    })),
    litellm_settings: { telemetry: false, num_retries: 0 },
    router_settings: { num_retries: 0, disable_cooldowns: true },
    general_settings: { master_key: masterKey },
  }
}

async function ready(child: ChildProcess, origin: string): Promise<void> {
  const limit = AbortSignal.timeout(startLimitMs)
  while (!(await answers(`${origin}/health/readiness`))) {
    if (hasExited(child)) throw new Error(`it exited with ${child.exitCode ?? child.signalCode ?? ''}`)
    if (limit.aborted) throw new Error(`it was not ready within ${startLimitMs} ms`)
    await pause(100)
  }
}

const hasExited = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok
  } catch {
    return false
  }
}

/** By the child's id, with its whole group; by force where it does not go by itself. */
async function endGroup(child: ChildProcess, home: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  if (!hasExited(child)) {
    const gone = once(child, 'exit')
    signalGroup(pid, signal)
    await Promise.race([gone, pause(stopLimitMs, undefined, { ref: false })])
  }
  if (processesOf(home).length === 0) return
  signalGroup(pid, 'SIGKILL')
  await expect.poll(() => processesOf(home), { timeout: stopLimitMs }).toEqual([])
}
