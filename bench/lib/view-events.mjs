// Stand-in for a gateway, for the view: serves its files, and streams events of many agents, as many as asked for.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const files = new URL('../../dist/gateway/view/', import.meta.url)
const types = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }
/** Time between two batches of events, in ms. */
const tickMs = 20
/** Time between two statuses, in ms, as the view asks for them. */
const statusMs = 2_000
const noUsage = {
  ...{ input_tokens: 100, output_tokens: 20, reasoning_tokens: 0 },
  ...{ cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0.001 },
}
const states = ['configuring', 'spawning', 'probing', 'healthy', 'reaping', 'idle']

/** @param {{ agents: number, busy: number, perSecond: number }} load - number of agents, of busy ones, and their events */
export async function viewServer({ agents, busy, perSecond }) {
  const world = new World(agents, busy)
  const sent = { events: 0 }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    if (pathname === '/v1/events')
      return void stream(world, response, (busy * perSecond * tickMs) / 1_000, sent)
    if (pathname.startsWith('/v1/')) return void response.end(JSON.stringify(answerOf(world, pathname)))
    const name = pathname.startsWith('/assets/') ? pathname.slice(1) : 'index.html'
    response.setHeader(
      'content-type',
      types[/** @type {keyof typeof types} */ (name.split('.').at(-1) ?? 'html')],
    )
    response.end(readFileSync(new URL(name, files)))
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, sent, close }
}

/** @param {World} world @param {string} path */
function answerOf(world, path) {
  const [, , , id = ''] = path.split('/')
  const agent = world.agents[Number(id.slice(1))]
  return /^\/v1\/agents\/[^/]+$/.test(path) && agent
    ? { id, status: agent }
    : { items: [], next_before: null }
}

/** @param {World} world @param {import('node:http').ServerResponse} response @param {number} perTick */
function stream(world, response, perTick, /** @type {{ events: number }} */ sent) {
  /** @type {(type: string, data: object) => void} */
  const send = (type, data) =>
    void response.write(
      `event: ${type}\n${'seq' in data ? `id: ${data.seq}\n` : ''}data: ${JSON.stringify(data)}\n\n`,
    )
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  send('snapshot', world.status(world.agents))
  let statusAt = Date.now() + statusMs
  const timer = setInterval(() => {
    for (let i = 0; i < perTick; i += 1) {
      const event = world.next()
      send(event.type, event)
      sent.events += 1
    }
    if (Date.now() < statusAt) return
    statusAt += statusMs
    send('status', world.status(world.changed()))
  }, tickMs)
  response.on('close', () => clearInterval(timer))
}

/** Agents, some of which go through their states and turns all the time. */
class World {
  #seq = 0
  #busy

  /** @param {number} count @param {number} busy */
  constructor(count, busy) {
    this.#busy = busy
    this.agents = Array.from({ length: count }, (_, i) => ({
      ...{ id: `a${String(i).padStart(4, '0')}`, tenant: `t${i % 7}`, state: 'idle', restarts: 0 },
      ...{ turns: { running: 0, queued: 0, max: 16 }, open_requests: 0, memory_mb: 300 + (i % 200) },
    }))
  }

  /** Returns the agents that are busy, whose memory has changed. */
  changed() {
    for (const agent of this.agents.slice(0, this.#busy))
      agent.memory_mb = 300 + Math.round(Math.random() * 200)
    return this.agents.slice(0, this.#busy)
  }

  /** @param {readonly object[]} agents */
  status(agents) {
    const load = { running: this.#busy, queued: 0, max: 64 }
    return {
      ...{ at: Date.now(), servers: { running: this.#busy, starting: 0, max: 64 }, turns: load },
      ...{ memory: { used_mb: this.#busy * 400, budget_mb: 65_536 }, agents },
      tenants: Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`t${i}`, { weight: 1, turns: load }])),
    }
  }

  /** Returns the next event: of a turn, or of a lifecycle. */
  next() {
    const seq = ++this.#seq
    const agent = this.agents[seq % this.#busy]
    const round = Math.floor(seq / this.#busy)
    const common = { seq, at: Date.now(), agent_id: agent?.id, tenant: agent?.tenant }
    const turn = { turn_id: `t${agent?.id}-${Math.floor(round / 4)}`, trace_id: null }
    switch (round % 4) {
      case 0:
        return { type: 'turn.queued', ...common, ...turn }
      case 1:
        return { type: 'turn.started', ...common, ...turn }
      case 2: {
        const lifecycle = {
          state: states[Math.floor(round / 4) % states.length],
          at: Date.now(),
          restarts: 0,
        }
        return { type: 'agent.lifecycle', ...common, lifecycle }
      }
      default:
        return { type: 'turn.ended', ...common, ...turn, code: 'final', usage: noUsage }
    }
  }
}
