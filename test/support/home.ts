import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { watcherName } from '../../src/io/process/watcher.ts'

/** Creates a home for a test, and removes it when the test finishes. */
export function tempHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  // A killed server may still be writing into the home.
  onTestFinished(
    () => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
    60_000,
  )
  return home
}

/** Returns the pids of all processes that have this home in their environment. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environ(pid).includes(`HOME=${home}`))
}

/** Returns the pids of the watchers of a home's servers, which have the home only as an argument. */
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

/** Returns whether a process listens at a URL. */
export function isListening(baseURL: string): Promise<boolean> {
  const { hostname, port } = new URL(baseURL)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
    socket.once('connect', () => socket.end())
  })
}

/** Asserts that no process, no watcher (after a moment) and no listening port of a home's servers is left. */
export async function expectNothingLeft(home: string, baseURLs: readonly string[] = []): Promise<void> {
  expect(processesOf(home)).toEqual([])
  await vi.waitFor(() => expect(watchersOf(home)).toEqual([]), { timeout: 5_000, interval: 10 })
  for (const baseURL of baseURLs) expect(await isListening(baseURL)).toBe(false)
}
