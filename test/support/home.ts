import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'

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

function environ(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
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

/** Asserts that nothing of a home's servers is left: no process, and nothing that listens. */
export async function expectNothingLeft(home: string, baseURLs: readonly string[] = []): Promise<void> {
  expect(processesOf(home)).toEqual([])
  for (const baseURL of baseURLs) expect(await isListening(baseURL)).toBe(false)
}
