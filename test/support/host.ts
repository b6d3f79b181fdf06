import { spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import { processesOf, watchersOf } from './home.ts'

/** The path of a host program, by its name. */
export const hostProgram = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/hosts/${name}.mjs`, import.meta.url))

/** A line that a host reports. */
interface Fact {
  state?: string
  pid?: number
  reply?: { kind: string }
  sessionId?: string
  warning?: string
  /** A health probe is on its way. */
  probe?: 'sent'
  /** Duration for which the event loop was blocked, in ms. */
  blocked?: number
}

/** A command of the program `host`. */
type HostCommand = 'stop' | 'stopActor' | 'exit' | 'probe' | `block ${number}`

/** User, group and working directory of a host; `through` is a command that executes the host's. */
export interface HostProcess extends Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'> {
  through?: readonly string[]
}

/**
 * A host of its own process, on the built package in `dist`; with `text` it runs a turn. It, its server and its watchers
 * are ended with the test at the latest.
 */
export function startHost(
  dist: string,
  options: Partial<OpenCodeServerOptions> & { home: string },
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
  /** Waits until the host has told something, and gives it. */
  const told = async <T>(pick: (fact: Fact, index: number) => T | undefined): Promise<T> => {
    const found = () => facts.map(pick).find((value) => value !== undefined)
    await expect.poll(found, { timeout: 60_000, interval: 20 }).toBeDefined()
    return found() as T
  }
  return {
    pid: child.pid ?? 0,
    facts,
    told,
    /** The pid of its server, once that is healthy. */
    healthy: () => told(({ state, pid }) => (state === 'healthy' ? pid : undefined)),
    command: (line: HostCommand) => void child.stdin.write(`${line}\n`),
    /** Closes the host's input, which would keep its process alive. */
    closeInput: () => void child.stdin.end(),
    ended,
    /** Ends it as the out-of-memory killer would. */
    die: async () => {
      child.kill('SIGKILL')
      await ended
    },
    /** Ends it and its watcher, so that its server is left. */
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
    // It was faster.
  }
}

/** Whether a process runs; one that ended but was not reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
