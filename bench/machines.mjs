// Measures many machines and many turns, with stand-in actors. The cost of a server or a turn, in time and
// heap, should not depend on their number. Figures are cost per unit at N over cost per unit at N/10: 1 is
// linear.
// node bench/machines.mjs [rounds, 3]
import { setImmediate as nextTurn } from 'node:timers/promises'
import { startTurn } from '../build/index.js'
import { heapOf, liveHeap } from './lib/heap.mjs'
import { finish, interleave, ratiosOf, row, stopwatch, time } from './lib/measure.mjs'
import { answerer, healthyServer, worldOf } from './lib/stand-in-servers.mjs'

const rounds = Number(process.argv[2] ?? 3)
const bound = '≤ 1.3'
const cases = {
  many: { servers: 100, each: 100 },
  'fewer servers': { servers: 10, each: 100 },
  'fewer turns': { servers: 100, each: 10 },
  'one queue': { servers: 1, each: 10_000 },
}

/** @typedef {Awaited<ReturnType<typeof healthyServer>>} Server */
/** @typedef {{ turnMs: number, turnKb: number }} Cost per turn */

/**
 * Answers prompts of the servers until `count` are answered.
 * @param {Server[]} servers @param {number} count
 */
async function answerAll(servers, count) {
  const worlds = servers.map(worldOf)
  for (let left = count; left > 0; await nextTurn())
    for (const { client, router } of worlds)
      for (const prompt of client.prompts.splice(0)) {
        const answer = answerer(router, prompt)
        answer.begin()
        answer.delta('Hello')
        answer.end()
        left--
      }
}

/**
 * Starts servers and runs turns on them, all requested at once.
 * Returns CPU time in ms, and heap in kB of the turns that run or wait.
 * @param {{ servers: number, each: number }} sizes
 * @returns {Promise<Cost>}
 */
async function measure({ servers: count, each }) {
  /** @type {Server[]} */
  const servers = []
  for (let i = 0; i < count; i++) servers.push(await healthyServer({ maxQueuedTurns: each }))
  const before = await liveHeap()
  /** @type {ReturnType<typeof startTurn>[]} */
  let turns = []
  const start = await time(() => {
    turns = servers.flatMap((server) => Array.from({ length: each }, () => startTurn(server, 'go')))
  })
  const after = await liveHeap()
  const run = await time(async () => {
    await answerAll(servers, turns.length)
    const ends = await Promise.all(turns.map(({ done }) => done))
    if (ends.some(({ kind }) => kind !== 'final')) throw new Error('a turn failed')
  })
  for (const server of servers) server.stop()
  return {
    turnMs: (start.cpuMs + run.cpuMs) / turns.length,
    turnKb: (after - before) / 1024 / turns.length,
  }
}

/** @typedef {{ ms: number, kB: number }} ServerCost CPU time until a server is healthy, and its heap then */

/** Starts `count` servers, and records the cost of one. @param {number} count @param {ServerCost[]} costs */
async function bringUp(count, costs) {
  let ms = 0
  const { kB, things } = await heapOf(count, async () => {
    const cpu = stopwatch()
    const server = await healthyServer()
    ms += cpu.stop().cpuMs
    return server
  })
  for (const server of things) server.stop()
  return costs.push({ ms: ms / count, kB })
}

/** @type {ServerCost[][]} */
const [manyUp, fewUp] = [[], []]
await bringUp(100, [])
await interleave(rounds, { many: () => bringUp(1_000, manyUp), few: () => bringUp(100, fewUp) })

/** @type {Record<string, Cost[]>} */
const costs = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
for (const sizes of Object.values(cases)) await measure(sizes)
await interleave(
  rounds,
  Object.fromEntries(
    Object.entries(cases).map(([name, sizes]) => [
      name,
      async () => costs[name]?.push(await measure(sizes)) ?? 0,
    ]),
  ),
)

/**
 * @param {string} figure @param {keyof Cost} field
 * @param {string} of @param {string} to
 */
const linear = (figure, field, of, to) =>
  row(
    figure,
    (costs[of] ?? []).map((cost, i) => cost[field] / (costs[to]?.[i]?.[field] ?? NaN)),
    bound,
  )

const msOf = (/** @type {ServerCost} */ { ms }) => ms
const kBOf = (/** @type {ServerCost} */ { kB }) => kB
console.log(`time is CPU time, ${rounds} rounds:`)
finish([
  row('time per server, 1 000 servers / 100', ratiosOf(manyUp.map(msOf), fewUp.map(msOf)), bound),
  row('heap per server, 1 000 servers / 100', ratiosOf(manyUp.map(kBOf), fewUp.map(kBOf)), bound),
  linear('time per turn, 100 servers / 10, 100 turns each', 'turnMs', 'many', 'fewer servers'),
  linear('time per turn, 10 000 turns / 1 000, on 100 servers', 'turnMs', 'many', 'fewer turns'),
  linear('heap per live turn, 10 000 turns / 1 000, on 100 servers', 'turnKb', 'many', 'fewer turns'),
  linear('time per turn, 10 000 waiting on one server / 100 on each of 100', 'turnMs', 'one queue', 'many'),
  linear(
    'heap per live turn, 10 000 waiting on one server / 100 on each of 100',
    'turnKb',
    'one queue',
    'many',
  ),
])
process.exit()
