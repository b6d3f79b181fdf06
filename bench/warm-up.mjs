// The first turn of a server with its warm-up against one without, interleaved in one run: once it has warmed up, and sent
// the moment it is healthy. Prints ratios; absolute times say more about the machine than about us.
// node bench/warm-up.mjs [rounds, 8] [used | fresh]: each server in a home that was used before, or in a new one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from 'xstate'
import { OpenCodeServer } from '../dist/index.js'
import { startScriptedModel } from '../dist/testing/index.js'

const rounds = Math.min(Number(process.argv[2] ?? 8), 50)
const isFresh = process.argv[3] === 'fresh'
const apiKey = 'sk-bench-0123456789'
const model = await startScriptedModel([{ match: 'go', reply: { text: ['one ', 'two'] } }], { apiKey })
const cases = {
  off: { warmUp: false, waits: true },
  on: { warmUp: true, waits: true },
  'off, at once': { warmUp: false, waits: false },
  'on, at once': { warmUp: true, waits: false },
}

const newHome = () => mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
const remove = (home) => rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * q)]
const isWarm = (snapshot) => snapshot.matches({ healthy: { warmth: 'warm' } })

async function turn(server) {
  const start = performance.now()
  const last = await server.turn('go').done
  if (last.kind !== 'final') throw new Error(last.error)
  return performance.now() - start
}

/** The first turn of a new server, a later one, and how long the warm-up took. */
async function measure(home, { warmUp, waits }) {
  const proxy = { baseURL: model.baseURL, apiKey }
  const server = new OpenCodeServer({ home, proxy, models: ['gpt-4o'], warmUp })
  try {
    await server.ensureRunning()
    const start = performance.now()
    if (waits) await waitFor(server.actor, isWarm, { timeout: 60_000 })
    const warming = performance.now() - start
    const before = model.requests.length
    const first = await turn(server)
    if (model.requests.length !== before + 1) throw new Error('a turn asked the model more than once')
    const later = quantile([await turn(server), await turn(server), await turn(server)], 0.5)
    return { warming, first, later }
  } finally {
    await server.close()
  }
}

async function measureIn(home, name) {
  if (!isFresh) return measure(home, cases[name])
  const own = newHome()
  try {
    return await measure(own, cases[name])
  } finally {
    remove(own)
  }
}

function print(what, ratios) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((q) => quantile(ratios, q).toFixed(2))
  console.log(`  ${what.padEnd(52)} median ${middle}, quartiles ${low}–${high}`)
}

const home = newHome()
try {
  if (!isFresh) await measure(home, cases.off)
  const results = Object.fromEntries(Object.keys(cases).map((name) => [name, []]))
  for (let i = 0; i < rounds; i++) {
    const order = i % 2 === 0 ? Object.keys(cases) : Object.keys(cases).toReversed()
    for (const name of order) results[name].push(await measureIn(home, name))
  }
  const ratios = (of, to, field = 'first') => results[of].map((row, i) => row.first / results[to][i][field])
  console.log(`prompt → terminal, ${rounds} rounds, ${isFresh ? 'new homes' : 'a used home'}:`)
  print('first turn after the warm-up / first without', ratios('on', 'off'))
  print('first turn sent at once, warm-up on / off', ratios('on, at once', 'off, at once'))
  print('first turn after the warm-up / a later turn', ratios('on', 'on', 'later'))
  print('first turn without / a later turn', ratios('off', 'off', 'later'))
  print(
    'the warm-up itself / first turn without',
    results.on.map(({ warming }, i) => warming / results.off[i].first),
  )
} finally {
  await model.stop()
  remove(home)
}
