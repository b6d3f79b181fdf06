// Fleet and gateway in a process of their own, which measures its own CPU time: the readers' does not count.
import { serve as listen } from '@hono/node-server'
import { Fleet } from '../../dist/index.js'
import { createGateway } from '../../dist/gateway/index.js'
import { liveHeap } from './heap.mjs'
import { stopwatch } from './measure.mjs'
import { serve } from './remote.mjs'

/** @type {Fleet} */
let fleet
/** @type {import('../../dist/gateway/index.js').Gateway} */
let gateway
const lap = stopwatch()

serve({
  /** Starts a fleet and its gateway, and returns the port. */
  start: async ({ dataDir, binary }) => {
    const defaults = {
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-bench-0123456789' },
      models: ['gpt-4o'],
      binary,
    }
    fleet = new Fleet({ dataDir, defaults })
    await fleet.apply([{ id: 'a' }])
    await fleet.agent('a').ensureRunning()
    gateway = createGateway({ fleet, insecureNoAuth: true })
    await gateway.ready
    return new Promise((resolve) =>
      listen({ fetch: gateway.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => resolve(port)),
    )
  },
  /** Runs a turn in this process, and returns the time in ms from its prompt to its terminal reply. */
  turn: async (text) => {
    const own = stopwatch()
    const turn = fleet.turn('a', text)
    let size = 0
    turn.replies$.subscribe((reply) => (size += reply.kind === 'delta' ? reply.content.length : 0))
    const end = await turn.done
    if (end.kind !== 'final' || end.content.length !== size)
      throw new Error(`the turn ended with ${end.kind}`)
    return own.stop()
  },
  lap: () => lap.start() ?? null,
  /** Returns wall and CPU time in ms since the last lap. */
  spent: () => lap.stop(),
  /** Returns the memory in use after a collection, in MiB. */
  memory: async () => {
    await liveHeap()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 2 ** 20
  },
  close: async () => {
    await gateway.close()
    await fleet.close()
    return null
  },
})
