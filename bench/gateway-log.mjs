// Measures the gateway's log of turns: what a reader that stops reading costs, what each further reader costs, and the
// store's share of a delta's way from opencode to a reader.
// node bench/gateway-log.mjs [rounds, 7] [deltas of a turn, 100000]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from '../dist/index.js'
import { countReplies, openedLog, pushUnmerged } from './lib/gateway-log.mjs'
import { liveHeap } from './lib/heap.mjs'
import { finish, interleave, ratiosOf, row, stopwatch, time } from './lib/measure.mjs'

const rounds = Number(process.argv[2] ?? 7)
const deltas = Number(process.argv[3] ?? 100_000)
const [few, many] = [20, 200]
const opened = await openedLog()
const { log } = opened
/** @type {number[]} */
const stalledMb = []

/** Returns the replies per ms of CPU that each of `few` readers gets. @param {boolean} isStalled a further reader stops reading */
async function rate(isStalled) {
  const { turnId, writer } = await opened.addTurn()
  const stalled = log.read(turnId, 0)[Symbol.asyncIterator]()
  const readers = Array.from({ length: few }, () => countReplies(log, turnId))
  const before = await liveHeap()
  const lap = stopwatch()
  const first = isStalled ? stalled.next() : undefined
  await pushUnmerged(writer, deltas)
  const counts = await Promise.all(readers)
  const { cpuMs } = lap.stop()
  if (counts.some((count) => count !== deltas + 1)) throw new Error(`readers got ${counts}`)
  if (first) {
    stalledMb.push(((await liveHeap()) - before) / 1_048_576)
    await expectRest(stalled, await first)
  }
  return deltas / cpuMs
}

/** Reads the rest for the reader that has stopped. */
async function expectRest(reader, first) {
  let count = first.value.length
  for (let next = await reader.next(); !next.done; next = await reader.next()) count += next.value.length
  if (count !== deltas + 1) throw new Error(`the reader that stopped got ${count} replies`)
}

/** Returns the CPU time in ms for each reader. @param {number} readers */
async function cpuPerReader(readers) {
  const { turnId, writer } = await opened.addTurn()
  const { cpuMs } = await time(async () => {
    const reading = Array.from({ length: readers }, () => countReplies(log, turnId))
    await pushUnmerged(writer, deltas / 10)
    await Promise.all(reading)
  })
  return cpuMs / readers
}

const server = fork(new URL('lib/flood-server.mjs', import.meta.url))
const [{ port }] = await once(server, 'message')

/** Returns the CPU time in ms of a turn, from its prompt to its terminal reply. @param {boolean} isLogged */
async function turn(isLogged) {
  server.send({ turns: 1, deltas })
  await once(server, 'message')
  const connection = connect({ baseURL: `http://127.0.0.1:${port}`, modelId: 'gpt-4o' })
  const { turnId, writer } = await opened.addTurn()
  const { cpuMs } = await time(async () => {
    const run = connection.turn('go')
    let size = 0
    run.replies$.subscribe((reply) => {
      if (isLogged) writer.push(reply, noUsage)
      if (reply.kind === 'delta') size += reply.content.length
    })
    await run.done
    if (isLogged) await expectText(turnId, size)
  })
  await connection.close()
  return cpuMs
}

const noUsage = {
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
}

/** Reads a turn, and compares the length of its text. @param {string} turnId @param {number} size */
async function expectText(turnId, size) {
  let read = 0
  for await (const batch of log.read(turnId, 0))
    for (const { reply } of batch) if (reply.kind === 'delta') read += reply.content.length
  if (read !== size) throw new Error(`${read} of ${size} characters were read`)
}

try {
  await rate(true)
  await cpuPerReader(many)
  await turn(true)
  stalledMb.length = 0
  const rates = await interleave(rounds, { alone: () => rate(false), stalled: () => rate(true) })
  const cpu = await interleave(rounds, { few: () => cpuPerReader(few), many: () => cpuPerReader(many) })
  const turns = await interleave(rounds, { plain: () => turn(false), logged: () => turn(true) })
  console.log(`${deltas} deltas a turn, ${rounds} rounds:`)
  finish([
    row(
      `replies per ms of CPU of ${few} readers beside one that has stopped / without that one`,
      ratiosOf(rates.stalled, rates.alone),
      '≥ 0.95',
    ),
    row(`heap that a reader keeps which stops at the first of ${deltas} deltas, in MB`, stalledMb, '≤ 1'),
    row(`CPU per reader and delta, ${many} readers / ${few}`, ratiosOf(cpu.many, cpu.few), '≤ 1.2'),
    row(
      'deltas per ms of CPU through the store to a reader / in-process',
      ratiosOf(turns.plain, turns.logged),
      '≥ 0.5',
    ),
  ])
} finally {
  await opened.close()
  server.disconnect()
}
