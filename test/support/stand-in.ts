import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { OpenCodeServer } from '../../src/index.ts'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import { expectNothingLeft, tempHome } from './home.ts'

/** Request that a stand-in received. */
export interface StandInRequest {
  method: string
  url: string
  authorized: boolean
  body: unknown
}

/** Returns the path of a stand-in for the opencode binary, by its behaviour. */
export const standIn = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/stand-ins/${name}.mjs`, import.meta.url))

/** Creates a server on a stand-in. Closes the server when the test finishes, and asserts that nothing is left. */
export function standInServer(name: string, options: Partial<OpenCodeServerOptions> = {}) {
  const { home = tempHome() } = options
  const [starts, requests] = [join(home, 'starts.jsonl'), join(home, 'requests.jsonl')]
  const server = new OpenCodeServer({
    home,
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-stand-in-key' },
    models: ['gpt-4o'],
    binary: standIn(name),
    backoffInitialMs: 10,
    ...options,
    env: {
      STANDIN_LOG: starts,
      STANDIN_REQUESTS: requests,
      STANDIN_STORE: join(home, 'store.json'),
      ...options.env,
    },
  })
  const states: string[] = []
  const baseURLs = new Set<string>()
  server.lifecycle$.subscribe(({ state, baseURL }) => {
    if (states.at(-1) !== state) states.push(state)
    if (baseURL !== undefined) baseURLs.add(baseURL)
  })
  onTestFinished(async () => {
    await server.close()
    await expectNothingLeft(home, [...baseURLs])
  })
  return {
    server,
    home,
    states,
    starts: () => readLines(starts) as { pid: number; port: number; argv: string[]; at: number }[],
    requests: () => readLines(requests) as StandInRequest[],
  }
}

function readLines(file: string): unknown[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}
