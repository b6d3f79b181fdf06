import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { watcherName } from '../../src/io/process/watcher.ts'

/** A home of its own for a test, removed when the test is over. */
export function tempHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  // A server that was killed may still be flushing into it.
  onTestFinished(() => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return home
}

/** The pids of all that was started with this home: its variable is in their environment. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environ(pid).includes(`HOME=${home}`))
}

/** The pids of the watchers of a home's servers: they carry nothing of it but its path. */
export function watchersOf(home: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isWatcher(argumentsOf(pid), home))
}

const isWatcher = (args: readonly string[], home: string): boolean =>
  args.includes(watcherName) && args.includes(home)

const argumentsOf = (pid: number): string[] => readList(`/proc/${pid}/cmdline`)

const environ = (pid: number): string[] => readList(`/proc/${pid}/environ`)

function readList(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0')
  } catch {
    return []
  }
}

/** Whether anything listens at a URL. */
export function isListening(baseURL: string): Promise<boolean> {
  const { hostname, port } = new URL(baseURL)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
    socket.once('connect', () => socket.end())
  })
}

/** Asserts that nothing of a home's servers is left: no process, no watcher (soon), and nothing that listens. */
export async function expectNothingLeft(home: string, baseURLs: readonly string[] = []): Promise<void> {
  expect(processesOf(home)).toEqual([])
  await vi.waitFor(() => expect(watchersOf(home)).toEqual([]), { timeout: 5_000, interval: 10 })
  for (const baseURL of baseURLs) expect(await isListening(baseURL)).toBe(false)
}
