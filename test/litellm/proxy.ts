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

/** Options of a proxy. */
export interface ProxyOptions {
  /** Path of a Python with LiteLLM. */
  python: string
  /** Only key that the proxy accepts. */
  masterKey: string
  /** Models that the proxy offers, with the target of each. */
  models: Readonly<Record<string, { baseURL: string; apiKey: string }>>
  /** @defaultValue a free port */
  port?: number
}

/** Running LiteLLM proxy. */
export interface Proxy {
  /** Value for `proxy.baseURL` of a server: `http://127.0.0.1:PORT/v1`. */
  readonly baseURL: string
  readonly port: number
  /** Ends the proxy and its processes, and asserts that no process and no listening port is left. Safe to repeat. */
  stop(): Promise<void>
  /** Kills the proxy as a crash does, also while it streams; asserts the same. */
  kill(): Promise<void>
}

const startLimitMs = 180_000
const stopLimitMs = 15_000

/**
 * Starts the real LiteLLM proxy on loopback, and waits until it is ready. The proxy has its own home and no database, and
 * sends requests only to its models.
 *
 * @throws Error with the end of the proxy's log if the proxy exits or is not ready in time
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
    // The proxy binds its port after half a minute, so another process may have taken the port.
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

/** Variables that prevent downloads at the start; the HTTP proxies block all other downloads. */
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

/** Returns the config as JSON, which is also YAML. Failures are passed on, without retry and cooldown. */
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
    if (hasExited(child)) throw new Error(`LiteLLM exited with ${child.exitCode ?? child.signalCode ?? ''}`)
    if (limit.aborted) throw new Error(`LiteLLM was not ready within ${startLimitMs} ms`)
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

/** Ends the process group of a child, by SIGKILL if it does not end by itself. */
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
