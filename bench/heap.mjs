// Measures the live heap in kB: per server machine, idle and never run, and healthy with stand-in actors; per
// live turn, without its replay, when its answer has begun and after some deltas.
// node bench/heap.mjs [rounds, 7]
import { startTurn } from '../build/index.js'
import { heapOf } from './lib/heap.mjs'
import { finish, row } from './lib/measure.mjs'
import { answerer, healthyServer, idleServer, worldOf } from './lib/stand-in-servers.mjs'

const rounds = Number(process.argv[2] ?? 7)
const [servers, turns, deltas] = [100, 200, 200]

/** @param {() => unknown} make */
async function perServer(make) {
  const { kB, things } = await heapOf(servers, make)
  for (const actor of /** @type {ReturnType<typeof idleServer>[]} */ (things)) actor.stop()
  return kB
}

/** Returns the heap in kB of a running turn after some deltas, without its replies. @param {number} count */
async function perTurn(count) {
  const actor = await healthyServer({ maxConcurrentTurns: turns })
  const { client, router } = worldOf(actor)
  const { kB } = await heapOf(turns, async () => {
    startTurn(actor, 'Say hello')
    const answer = answerer(router, await client.nextPrompt())
    answer.begin()
    for (let i = 0; i < count; i++) answer.delta(` word${i % 10}`)
  })
  if (actor.getSnapshot().context.running.length !== turns) throw new Error('turns have ended')
  actor.stop()
  const replay = await heapOf(turns, () =>
    Array.from({ length: count }, (_, i) =>
      JSON.parse(`{"kind":"delta","trace_id":null,"content":" word${i % 10}"}`),
    ),
  )
  return kB - replay.kB
}

const took = { idle: [], healthy: [], begun: [], streamed: [] }
await perServer(() => idleServer())
await perServer(() => healthyServer())
await perTurn(deltas)
for (let i = 0; i < rounds; i++) {
  took.idle.push(await perServer(() => idleServer()))
  took.healthy.push(await perServer(() => healthyServer()))
  took.begun.push(await perTurn(0))
  took.streamed.push(await perTurn(deltas))
}
console.log(`${servers} servers, ${turns} turns, ${rounds} rounds; in kB:`)
finish([
  row('heap per idle server actor, in kB', took.idle, '≤ 100'),
  row('heap per healthy server actor with stand-in actors, in kB', took.healthy, '≤ 100'),
  row('heap per live turn whose answer has begun, in kB', took.begun, '≤ 20'),
  row(`heap per live turn after ${deltas} deltas, its replay aside, in kB`, took.streamed, '≤ 20'),
])
process.exit()
