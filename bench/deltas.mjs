// Measures deltas from the socket to a subscriber: the runtime against a loop that only reads the same bytes
// from the same kind of socket, with the same SSE parser and `JSON.parse`. Measures one turn, and many turns
// at once on the server's one stream.
// Time is CPU time of this process, from the first delta to the last. A throughput is deltas per ms of it.
// node bench/deltas.mjs [rounds, 9] [deltas of a turn, 1000; a turn that runs alone has 32 times as many]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createParser } from 'eventsource-parser'
import { request } from 'undici'
import { connect } from '../dist/index.js'
import { finish, interleave, ratiosOf, row, stopwatch } from './lib/measure.mjs'

const rounds = Number(process.argv[2] ?? 9)
const ofEach = Number(process.argv[3] ?? 1_000)
const manyTurns = [1, 32, 128]

const server = fork(new URL('lib/flood-server.mjs', import.meta.url))
const [{ port }] = await once(server, 'message')
const baseURL = `http://127.0.0.1:${port}`

/** Returns the deltas of all turns together. @param {number} turns */
const deltasOf = (turns) => ofEach * Math.max(turns, 32)

/** @param {number} turns */
async function prepare(turns) {
  server.send({ turns, deltas: deltasOf(turns) })
  await once(server, 'message')
}

/** Measures CPU time in ms per delta, over the deltas of all turns. @param {number} turns */
function deltaMeter(turns) {
  const lap = stopwatch()
  let count = 0
  let cpuMs = NaN
  return {
    take: () => {
      if (count++ === 0) lap.start()
      if (count === deltasOf(turns)) cpuMs = lap.stop().cpuMs
    },
    result: () => {
      if (count !== deltasOf(turns)) throw new Error(`${count} deltas came`)
      return cpuMs / count
    },
  }
}

/** @param {number} turns */
async function ours(turns) {
  await prepare(turns)
  const connection = connect({ baseURL, modelId: 'gpt-4o', maxConcurrentTurns: turns })
  const meter = deltaMeter(turns)
  const run = Array.from({ length: turns }, () => connection.turn('go'))
  for (const { replies$ } of run)
    replies$.subscribe(({ kind }) => {
      if (kind === 'delta') meter.take()
    })
  const ends = await Promise.all(run.map(({ done }) => done))
  await connection.close()
  if (ends.some(({ kind }) => kind !== 'final')) throw new Error('a turn failed')
  return meter.result()
}

/** @param {number} turns */
async function bare(turns) {
  await prepare(turns)
  const { body } = await request(`${baseURL}/global/event`)
  const meter = deltaMeter(turns)
  let idle = 0
  const parser = createParser({
    onEvent: ({ data }) => {
      const { type } = JSON.parse(data).payload
      if (type === 'message.part.delta') meter.take()
      if (type === 'session.idle') idle++
    },
  })
  const post = (/** @type {string} */ path, /** @type {object} */ content) =>
    request(`${baseURL}${path}`, { method: 'POST', body: JSON.stringify(content) })
  const prompted = Array.from({ length: turns }, async (_, i) => {
    const { id } = /** @type {{ id: string }} */ (await (await post('/session', {})).body.json())
    await (await post(`/session/${id}/prompt_async`, { messageID: `msg_${i}` })).body.dump()
  })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (idle === turns) break
  }
  await Promise.all(prompted)
  return meter.result()
}

try {
  const warm = Math.min(rounds, 3)
  for (let i = 0; i < warm; i++) for (const turns of manyTurns) await ours(turns).then(() => bare(turns))
  const took = await interleave(
    rounds,
    Object.fromEntries(
      manyTurns.flatMap((turns) => [
        [`ours ${turns}`, () => ours(turns)],
        [`bare ${turns}`, () => bare(turns)],
      ]),
    ),
  )
  const [one = [], ...more] = manyTurns.map((turns) => took[`ours ${turns}`] ?? [])
  const throughputs = manyTurns.map((turns) =>
    row(
      `throughput of deltas, ${turns} ${turns === 1 ? 'turn' : 'turns at once'} / parsing alone`,
      ratiosOf(took[`bare ${turns}`] ?? [], took[`ours ${turns}`] ?? []),
      '≥ 0.5',
    ),
  )
  const growth = more.map((values, i) =>
    row(`cost of a delta, ${manyTurns[i + 1]} turns at once / one turn`, ratiosOf(values, one), '≤ 1.3'),
  )
  console.log(
    `${manyTurns.map(deltasOf).join(', ')} deltas a run, ${rounds} rounds, CPU time of this process:`,
  )
  finish([...throughputs, ...growth])
} finally {
  server.disconnect()
}
