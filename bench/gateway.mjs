// Measures the gateway over HTTP: readers that leave and join again, keys, a reader that stalls, and what HTTP, the store
// and each reader cost. The gateway has its own process, whose CPU time counts, because the machine may be busy.
// node bench/gateway.mjs [rounds, 7] [deltas of a turn with a stalled reader, 100000]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeOpenCode } from '../dist/testing/index.js'
import { GatewayStage } from './lib/gateway-daemon.mjs'
import { isTerminal, repliesOf, send, sendJson } from './lib/gateway-reader.mjs'
import { finish, interleave, quantile, ratiosOf, row, short } from './lib/measure.mjs'
import { contender } from './lib/remote.mjs'

const rounds = Number(process.argv[2] ?? 7)
const deltas = Number(process.argv[3] ?? 100_000)
const [few, many] = [20, 200]
const ndjson = 'application/x-ndjson'

// ---- readers that join again, and keys, on a daemon that is killed

/** Joins once for each reply of a turn, and counts the replies that are lost, doubled or out of order. @param {Daemon} daemon */
async function faultsOfJoins({ url, token }) {
  const { json } = await sendJson({
    url,
    token,
    path: '/v1/agents/a/turns',
    body: { text: 'every:3 stream:60' },
  })
  const path = `/v1/turns/${json.turn_id}/replies`
  const leaving = new AbortController()
  // Leaves before the first reply.
  const early = await send({ url, token, path, accept: ndjson, signal: leaving.signal })
  early.on('error', () => undefined)
  leaving.abort()
  let [last, faults, text] = [0, 0, '']
  for (;;) {
    const accept = last % 2 === 0 ? ndjson : 'text/event-stream'
    const answer = await send({
      url,
      token,
      path,
      accept,
      headers: last > 0 ? { 'last-event-id': String(last) } : {},
    })
    const { value } = await repliesOf(answer).next()
    answer.destroy()
    if (!value) return faults + 1
    if (value.seq !== last + 1) faults++
    last = value.seq
    text += value.kind === 'delta' ? value.content : ''
    if (isTerminal(value)) return faults + (value.content === text && text === 'x '.repeat(60) ? 0 : 1)
  }
}

/** @typedef {{ url: string, token: string }} Daemon */

/** Posts one key three times at once, and again after the gateway was killed. Returns the number of turns. @param {GatewayStage} stage @param {Daemon} daemon @param {number} round */
async function turnsOfKey(stage, daemon, round) {
  const { token } = stage
  const body = { text: 'every:20 stream:500', trace_id: `key-${round}` }
  const headers = { 'idempotency-key': `key-${round}` }
  const post = async () =>
    (await sendJson({ ...daemon, path: '/v1/agents/a/turns', body, headers })).json.turn_id
  const ids = await Promise.all([post(), post(), post()])
  await stage.kill()
  daemon.url = await stage.start()
  ids.push(await post())
  const { json } = await sendJson({ ...daemon, token, path: '/v1/turns?limit=100' })
  const traces = json.items.filter((/** @type {any} */ { trace_id }) => trace_id === body.trace_id)
  return Math.max(new Set(ids).size, traces.length)
}

async function joinsAndKeys() {
  const stage = await GatewayStage.open({ agents: [{ id: 'a' }] })
  try {
    const daemon = { url: await stage.start(), token: stage.token }
    const faults = []
    const turns = []
    for (let round = 0; round < Math.min(rounds, 5); round++) {
      faults.push(await faultsOfJoins(daemon))
      turns.push(await turnsOfKey(stage, daemon, round))
    }
    await stage.stop()
    return [
      row(
        'faults of a reader that leaves after each reply, and before the first',
        [Math.max(...faults)],
        '≤ 0',
        `the most of ${faults.length} turns`,
      ),
      row(
        'turns of a key that three posts share, and one after kill -9',
        [Math.max(...turns)],
        '≤ 1',
        `the most of ${turns.length} keys`,
      ),
    ]
  } finally {
    await stage.close()
  }
}

// ---- what HTTP, the store and readers cost

const word = `${'word '.repeat(12)}\n`
const manyWords = Array.from({ length: deltas }, () => word)
const fake = await fakeOpenCode(
  {},
  {
    script: [
      { match: 'flood', reply: { text: manyWords } },
      { match: 'part', reply: { text: manyWords.slice(0, deltas / 10) } },
    ],
  },
)
const dataDir = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
const host = await contender(new URL('lib/gateway-host.mjs', import.meta.url))
const url = `http://127.0.0.1:${await host.start({ dataDir, binary: fake.binary })}`

/** Starts a turn whose replies are not read. @param {string} text */
const startTurn = async (text) =>
  (await sendJson({ url, path: '/v1/agents/a/turns', body: { text } })).json.turn_id

/** Reads all bytes of a turn, without parsing. Returns the number of replies. @param {string} turnId @param {string} [accept] */
async function countReplies(turnId, accept = ndjson) {
  const answer = await send({ url, path: `/v1/turns/${turnId}/replies`, accept })
  return countLines(answer)
}

/** @param {AsyncIterable<Buffer>} answer */
async function countLines(answer) {
  let [lines, size] = [0, 0]
  for await (const chunk of answer) {
    size += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
  }
  if (size === 0) throw new Error('a reader got nothing')
  return lines
}

/** Returns the time in ms of a turn over HTTP, from its prompt to its terminal reply, and what the gateway spends. @param {string} text @param {string} accept */
async function overHttp(text, accept) {
  await host.lap()
  const start = performance.now()
  const answer = await send({ url, path: '/v1/agents/a/turns', body: { text }, accept })
  await countLines(answer)
  const wallMs = performance.now() - start
  return { wallMs, cpuMs: (await host.spent()).cpuMs }
}

/** Returns the time in ms from a request to the first text of its answer, which is then read to its end. @param {string} path @param {object} body @param {RegExp} text */
async function untilText(path, body, text) {
  const start = performance.now()
  const answer = await send({ url, path, body, accept: 'text/event-stream' })
  let [seen, ms] = ['', NaN]
  for await (const chunk of answer.setEncoding('utf8')) {
    if (!Number.isNaN(ms)) continue
    seen += chunk
    if (text.test(seen)) ms = performance.now() - start
  }
  if (Number.isNaN(ms)) throw new Error(`no text in ${seen}`)
  return ms
}

const untilChunk = () => {
  const messages = [{ role: 'user', content: 'Hello' }]
  return untilText('/openai/v1/chat/completions', { model: 'a', messages, stream: true }, /"content":"H/)
}
const untilDelta = () => untilText('/v1/agents/a/turns', { text: 'Hello' }, /"delta".*"content":"H/)

/** Prompt whose answer takes as long as a short one of a fast model. */
const shortAnswer = 'every:3 stream:60'

/** Returns the time in ms of a request that does nothing. */
async function emptyRequest() {
  const start = performance.now()
  const answer = await send({ url, path: '/healthz', accept: '*/*' })
  await countLines(answer)
  return performance.now() - start
}

/** Prompt whose deltas flow for some seconds. */
const longAnswer = 'every:2 stream:2000'

/** Returns the CPU time in ms of a turn with this number of readers, from when all of them have joined. @param {number} readers */
async function cpuOf(readers) {
  const turnId = await startTurn(longAnswer)
  const path = `/v1/turns/${turnId}/replies`
  const answers = await Promise.all(
    Array.from({ length: readers }, () => send({ url, path, accept: ndjson })),
  )
  await host.lap()
  const counts = await Promise.all(answers.map(countLines))
  if (new Set(counts).size !== 1) throw new Error(`readers got ${counts}`)
  return (await host.spent()).cpuMs
}

/** Memory in MiB that a turn leaves behind with all of its readers, and with one that has stopped. */
const left = { alone: /** @type {number[]} */ ([]), stalled: /** @type {number[]} */ ([]) }

/** Returns the deltas per ms of CPU that `few` readers get. @param {boolean} isStalled a further reader stops reading */
async function rate(isStalled) {
  const before = await host.memory()
  await host.lap()
  const turnId = await startTurn('flood')
  const stalled = isStalled
    ? await send({ url, path: `/v1/turns/${turnId}/replies`, accept: ndjson })
    : undefined
  const counts = await Promise.all(Array.from({ length: few }, () => countReplies(turnId)))
  const { cpuMs } = await host.spent()
  left[stalled ? 'stalled' : 'alone'].push((await host.memory()) - before)
  if (!stalled) return deltas / cpuMs
  const rest = await countLines(stalled)
  if (rest !== counts[0]) throw new Error(`the reader that stopped got ${rest} of ${counts[0]} replies`)
  return deltas / cpuMs
}

try {
  const rows = await joinsAndKeys()
  await overHttp('Hello', ndjson)
  await host.turn('Hello')
  /** Returns functions that time a turn both ways. @param {string} text */
  const bothWays = (text) => ({
    http: async () => (await overHttp(text, ndjson)).wallMs,
    own: async () => (await host.turn(text)).wallMs,
  })
  const turns = await interleave(rounds * 5, bothWays(shortAnswer))
  const instant = await interleave(rounds * 10, { ...bothWays('Hello'), empty: emptyRequest })
  const instantRatio = (/** @type {number[]} */ times) => short(quantile(ratiosOf(times, instant.own), 0.5))
  await untilChunk()
  const first = await interleave(rounds * 10, { chunk: untilChunk, delta: untilDelta })
  const flow = await interleave(rounds, {
    http: async () => (await overHttp('part', 'text/event-stream')).cpuMs,
    own: async () => (await host.turn('part')).cpuMs,
  })
  const cpu = await interleave(rounds, {
    one: () => cpuOf(1),
    few: () => cpuOf(few),
    many: () => cpuOf(many),
  })
  await rate(false)
  const rates = await interleave(rounds, { alone: () => rate(false), stalled: () => rate(true) })
  const each = (/** @type {number[]} */ values, /** @type {number} */ readers) =>
    values.map((value, i) => (value - (cpu.one[i] ?? NaN)) / (readers - 1))
  finish([
    ...rows,
    row(
      'prompt → terminal over HTTP / in-process',
      ratiosOf(turns.http, turns.own),
      '≤ 1.1',
      `An answer of 60 deltas within 0.2 s. For an answer at once, without a delta to wait for: ${instantRatio(instant.http)}; an empty request alone takes ${instantRatio(instant.empty)} of such a turn.`,
    ),
    row(
      "prompt → first chunk as OpenAI's / first delta of the gateway",
      ratiosOf(first.chunk, first.delta),
      '≤ 1.1',
      `medians ${short(quantile(first.chunk, 0.5))} and ${short(quantile(first.delta, 0.5))} ms of wall time`,
    ),
    row(
      'deltas per ms of CPU through the store and SSE / in-process',
      ratiosOf(flow.own, flow.http),
      '≥ 0.5',
    ),
    row(
      `CPU of each further reader, ${many} readers / ${few}`,
      ratiosOf(each(cpu.many, many), each(cpu.few, few)),
      '≤ 1.2',
      `medians of a turn with 1, ${few} and ${many} readers: ${[cpu.one, cpu.few, cpu.many].map((times) => short(quantile(times, 0.5))).join(', ')} ms of CPU`,
    ),
    row(
      `deltas per ms of CPU of ${few} readers beside one that has stopped / without that one`,
      ratiosOf(rates.stalled, rates.alone),
      '≥ 0.95',
    ),
    row(
      `memory that a reader keeps who has stopped at the first of ${deltas} deltas, in MB`,
      left.stalled.map((mb, i) => mb - (left.alone[i + 1] ?? NaN)),
      '≤ 8',
    ),
  ])
} finally {
  await host.close()
  await host.end()
  await fake.stop()
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}
