import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenCodeServer } from '../../src/index.ts'

/** Message of the server's API, reduced to the fields that tests read. */
export interface StoredMessage {
  info: {
    id: string
    role: string
    finish?: string
    error?: unknown
    time: { completed?: number }
  }
  parts: { type: string; text?: string }[]
}

/** Sends a request to the server, without the runtime. */
export async function ask<T>(server: OpenCodeServer, path: string): Promise<T> {
  const authorization = `Basic ${Buffer.from(`opencode:${server.password ?? ''}`).toString('base64')}`
  const response = await fetch(new URL(path, server.baseURL), { headers: { authorization } })
  return (await response.json()) as T
}

export const messagesOf = (server: OpenCodeServer, sessionId: string): Promise<StoredMessage[]> =>
  ask(server, `/session/${sessionId}/message`)

/** Returns the busy sessions of a directory; by default of the server's directory. */
export async function busySessions(server: OpenCodeServer, directory?: string): Promise<string[]> {
  const where = directory ?? server.actor.getSnapshot().context.options.values.directory
  return Object.keys(await ask(server, `/session/status?directory=${encodeURIComponent(where)}`))
}

/** Waits until a condition holds. Used instead of `expect.poll`, which does not support concurrent tests. */
export async function until(what: string, holds: () => unknown, limitMs = 30_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`timed out after ${limitMs} ms: ${what}`)
    await sleep(25)
  }
}

/** Waits until the server reports a session as idle. */
export const untilIdle = (server: OpenCodeServer, sessionId = '', directory?: string): Promise<void> =>
  until(`${sessionId} is idle`, async () => !(await busySessions(server, directory)).includes(sessionId))

/** Waits until the server has ended its answer to the last prompt of a session. */
export async function untilAnswered(server: OpenCodeServer, sessionId = ''): Promise<void> {
  await until(`${sessionId} is answered`, async () => {
    const last = (await messagesOf(server, sessionId)).at(-1)?.info
    return last?.role === 'assistant' && last.time.completed !== undefined && last.finish !== 'tool-calls'
  })
  await untilIdle(server, sessionId)
}
