// Contender with only what the server itself needs: no check, no retry, no reconnect.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { Agent, request } from 'undici'
import { timed, turnsAtOnce } from '../lib/meter.mjs'
import { serve } from '../lib/remote.mjs'

let child
let server

const headersOf = ({ username, password }) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  'content-type': 'application/json',
})

async function json(path, { method = 'GET', body, ...options } = {}) {
  const response = await request(server.baseURL + path, {
    method,
    headers: headersOf(server),
    ...(body && { body: JSON.stringify(body) }),
    ...options,
  })
  const text = await response.body.text()
  if (response.statusCode > 299) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Returns whether the server is healthy, on a fresh connection, within `attemptMs`. */
async function isHealthy(attemptMs) {
  const dispatcher = new Agent({ pipelining: 0, connections: 1 })
  try {
    const signal = AbortSignal.timeout(attemptMs)
    return (await json('/global/health', { dispatcher, signal })).healthy === true
  } catch {
    return false
  } finally {
    void dispatcher.destroy()
  }
}

async function healthy({ everyMs, attemptMs }) {
  while (!(await isHealthy(attemptMs))) await sleep(everyMs)
}

function launch({ binary, port, directory, env }) {
  const args = ['serve', '--port', String(port), '--hostname', '127.0.0.1']
  child = spawn(binary, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  server = {
    baseURL: `http://127.0.0.1:${port}`,
    username: env.OPENCODE_SERVER_USERNAME,
    password: env.OPENCODE_SERVER_PASSWORD,
    directory,
  }
}

async function listening() {
  for await (const line of createInterface(child.stdout)) if (line.includes('listening on')) break
  child.stdout.resume()
}

const prompt = { model: { providerID: 'litellm', modelID: 'gpt-4o' }, parts: [{ type: 'text', text: 'go' }] }
const inDirectory = (path) => `${path}?directory=${encodeURIComponent(server.directory)}`
const idle = new Map()

let unfollow = () => {}

/** Opens one stream for all turns, before the first turn. */
async function follow() {
  const dispatcher = new Agent({ bodyTimeout: 0 })
  const { body } = await request(server.baseURL + '/global/event', { headers: headersOf(server), dispatcher })
  unfollow = () => dispatcher.destroy()
  const parser = createParser({
    onEvent: ({ data }) => {
      const { type, properties } = JSON.parse(data).payload
      if (type === 'session.idle') idle.get(properties.sessionID)?.()
    },
  })
  const decoder = new TextDecoder()
  body.on('data', (chunk) => parser.feed(decoder.decode(chunk, { stream: true }))).on('error', () => {})
}

async function turn() {
  const { id } = await json(inDirectory('/session'), { method: 'POST', body: { title: 'bench' } })
  const ended = new Promise((resolve) => idle.set(id, resolve))
  await json(inDirectory(`/session/${id}/prompt_async`), { method: 'POST', body: prompt })
  await ended
  idle.delete(id)
}

/** Runs a turn without an event stream: the request itself waits for the end. */
async function quietTurn() {
  const { id } = await json(inDirectory('/session'), { method: 'POST', body: { title: 'bench' } })
  await json(inDirectory(`/session/${id}/message`), { method: 'POST', body: prompt, headersTimeout: 0 })
}

serve({
  async attach(endpoint) {
    server = endpoint
    await follow()
  },
  follow,
  unfollow: () => unfollow(),
  pid: () => child.pid,
  /** Measures the floor of a start: the server's own line, then health every 10 ms, then its config. */
  start: (plan) =>
    timed(async () => {
      launch(plan)
      await listening()
      await healthy({ everyMs: 10, attemptMs: 2_000 })
      await json(inDirectory('/config'))
    }),
  /** Measures a start as most clients do it: requests health from the spawn on. */
  poll: (plan) =>
    timed(async () => {
      launch(plan)
      child.stdout.resume()
      await healthy({ everyMs: 50, attemptMs: 2_000 })
      await json(inDirectory('/config'))
    }),
  /**
   * Measures the server's own exit from SIGTERM on. Repeats SIGTERM as often as the runtime does, because the
   * server may swallow it.
   */
  stop: () =>
    timed(async () => {
      const gone = once(child, 'exit')
      const again = setInterval(() => child.kill('SIGTERM'), 500)
      child.kill('SIGTERM')
      await gone
      clearInterval(again)
    }),
  turn: () => timed(turn),
  turns: (load) => turnsAtOnce(turn, load),
  quietTurns: (load) => turnsAtOnce(quietTurn, load),
  /** Sends `count` health probes, each on its own connection. */
  probes: async (count) => {
    for (let i = 0; i < count; i++) if (!(await isHealthy(10_000))) throw new Error('not healthy')
  },
})
