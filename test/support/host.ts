import { spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import { processesOf, watchersOf } from './home.ts'

/** Returns the path of a host program. */
export const hostProgram = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/hosts/${name}.mjs`, import.meta.url))

/** Report of a host, one line. */
interface Fact {
  state?: string
  pid?: number
  reply?: { kind: string }
  sessionId?: string
  warning?: string
  /** Set when a health probe is on its way. */
  probe?: 'sent'
  /** Duration for which the event loop was blocked, in ms. */
  blocked?: number
}

/** Command of the program `host`. */
type HostCommand = 'stop' | 'stopActor' | 'exit' | 'probe' | `block ${number}`

/** User, group and working directory of a host; `through` is a command that executes the host's. */
export interface HostProcess extends Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'> {
  through?: readonly string[]
}

/**
 * Starts a host in its own process, on the built package in `dist`; with `text` the host runs a turn. The host, its server
 * and its watchers are killed when the test finishes.
 */
export function startHost(
  dist: string,
  options: Partial<OpenCodeServerOptions> & { home: string; spawnThrough?: readonly string[] },
  text?: string,
  env: NodeJS.ProcessEnv = process.env,
  { through = [], ...as }: HostProcess = {},
) {
  const all = {
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-host-test-key' },
    models: ['gpt-4o'],
    ...options,
  }
  const args = [hostProgram('host'), dist, JSON.stringify(all), ...(text === undefined ? [] : [text])]
  const [file, ...before] = [...through, process.execPath]
  const child = spawn(file, [...before, ...args], { ...as, stdio: ['pipe', 'pipe', 'inherit'], env })
  const facts: Fact[] = []
  createInterface(child.stdout).on('line', (line) => facts.push(JSON.parse(line) as Fact))
  const ended = once(child, 'exit')
  onTestFinished(() => {
    child.kill('SIGKILL')
    for (const pid of [...processesOf(options.home), ...watchersOf(options.home)]) kill(pid)
  })
  /** Waits for a report of the host, and returns the picked value. */
  const reported = async <T>(pick: (fact: Fact, index: number) => T | undefined): Promise<T> => {
    const found = () => facts.map(pick).find((value) => value !== undefined)
    await expect.poll(found, { timeout: 60_000, interval: 20 }).toBeDefined()
    return found() as T
  }
  return {
    pid: child.pid ?? 0,
    facts,
    reported,
    /** Resolves with the pid of the server when the server is healthy. */
    healthy: () => reported(({ state, pid }) => (state === 'healthy' ? pid : undefined)),
    command: (line: HostCommand) => void child.stdin.write(`${line}\n`),
    /** Closes the host's input, which would keep its process alive. */
    closeInput: () => void child.stdin.end(),
    ended,
    /** Kills the host as the out-of-memory killer would. */
    die: async () => {
      child.kill('SIGKILL')
      await ended
    },
    /** Kills the host and its watcher, so that the server is left. */
    dieAlone: async () => {
      expect(watchersOf(options.home)).toHaveLength(1)
      for (const pid of watchersOf(options.home)) kill(pid)
      await expect.poll(() => watchersOf(options.home), { interval: 10 }).toEqual([])
      child.kill('SIGKILL')
      await ended
    },
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has already ended.
  }
}

/** Returns whether a process runs; false for a zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
