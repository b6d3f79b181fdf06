// Runs a server under a load of turns, for some minutes, with random kills, stops, wedges, floods and
// reconfigurations. Nothing may be lost: every turn gets exactly one terminal reply, and at the end no
// process is left. Exits with 1 otherwise.
//
//   npm run soak -- --minutes 5 --seed 42 --concurrency 4 [--binary path]
//   npm run soak -- fleet 10 --seed 42    (a fleet: see soak-fleet.mjs)
//   npm run soak -- gateway 20 --seed 42  (a gateway: see soak-gateway.mjs)
//   npm run soak -- cluster 10000 --seed 42  (hosts of a cluster: see soak-cluster.mjs)
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { OpenCodeServer } from '../dist/index.js'
import { startScriptedModel } from '../dist/testing/index.js'
import { processesOf } from './lib/processes.mjs'
import { randomFrom } from './lib/random.mjs'

if (process.argv[2] === 'fleet') await import('./soak-fleet.mjs')
if (process.argv[2] === 'gateway') await import('./soak-gateway.mjs')
if (process.argv[2] === 'cluster') await import('./soak-cluster.mjs')

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    concurrency: { type: 'string', default: '4' },
    binary: { type: 'string' },
  },
})
const [minutes, seed, concurrency] = [flags.minutes, flags.seed, flags.concurrency].map(Number)
const { random, pick } = randomFrom(seed)

const apiKey = 'sk-soak-0123456789'
// The model has its own thread, because it remembers every request, which would count as our heap.
if (!isMainThread) {
  const words = Array.from({ length: 40 }, (_, i) => `${i} `)
  const bash = (command) => ({ toolCalls: [{ name: 'bash', args: { command, description: command } }] })
  const model = await startScriptedModel(
    [
      { match: 'trickle', reply: { text: words, chunkDelayMs: 50 } },
      { match: 'tool', reply: [bash('sleep 1; echo done'), { text: 'Done' }] },
      { match: 'long tool', reply: bash('sleep 600') },
      { match: 'refused', reply: { error: { status: 401, message: 'no such key' } } },
      { match: 'cut', reply: { text: words, cutAfter: 10 } },
      { match: 'hello', reply: { text: ['Hello', ' world'] } },
    ].reverse(),
    { apiKey },
  )
  parentPort.postMessage(model.baseURL)
  await once(parentPort, 'message')
  await model.stop()
  process.exit()
}
const model = new Worker(new URL(import.meta.url))
const [modelURL] = await once(model, 'message')
const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-soak-'))
const server = new OpenCodeServer({
  home,
  proxy: { baseURL: modelURL, apiKey },
  models: ['gpt-4o'],
  ...(flags.binary !== undefined && { binary: flags.binary }),
  healthIntervalMs: 1_000,
  probeTimeoutMs: 2_000,
  busyGraceMs: 8_000,
  memoryLimitMb: 900,
  idleTimeoutMs: 4_000,
  stopGraceMs: 2_000,
  maxRestarts: 100,
  backoffMaxMs: 1_000,
  turnDeadlineMs: 60_000,
  drainMs: 10_000,
  maxQueuedTurns: 30,
})

// ---- the load: some conversations without rest

const turns = { started: 0, ended: 0, terminal: {}, violations: [] }
const sessions = Array.from({ length: concurrency }, () => server.session())
const live = new Set()

function start(createTurn) {
  turns.started++
  const turn = createTurn()
  live.add(turn)
  let terminals = 0
  turn.replies$.subscribe({
    next: (reply) => (terminals += reply.kind === 'final' || reply.kind === 'error' ? 1 : 0),
    error: (error) => turns.violations.push(`replies$ failed: ${error}`),
    complete: () => {
      turns.ended++
      live.delete(turn)
      if (terminals !== 1) turns.violations.push(`a turn emitted ${terminals} terminal replies`)
    },
  })
  void turn.done.then((reply) => {
    const name = reply.kind === 'error' ? reply.code : reply.kind
    turns.terminal[name] = (turns.terminal[name] ?? 0) + 1
    if (name === 'internal') turns.violations.push(`internal: ${reply.error}`)
  })
  return turn
}

const prompts = ['hello', 'hello', 'hello', 'trickle', 'trickle', 'tool', 'long tool', 'refused', 'cut']
let isOver = false
async function converse(session) {
  while (!isOver) {
    const text = pick(prompts)
    const turn = start(() => session.turn({ text, resume: random() < 0.3 }))
    // A turn with a tool of ten minutes is always cancelled.
    if (text === 'long tool' || random() < 0.1) {
      await Promise.race([turn.done, sleep(random() * 4_000)])
      turn.cancel()
    }
    await turn.done
    await sleep(random() * 500)
  }
}

// ---- the world: one misfortune after another

const kill = (signal) => {
  if (server.pid !== undefined) process.kill(server.pid, signal)
}
const stopFor = async (ms) => {
  const { pid } = server
  if (pid === undefined) return
  process.kill(pid, 'SIGSTOP')
  await sleep(ms)
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // The process was replaced meanwhile.
  }
}
const misfortunes = {
  'is killed': () => kill('SIGKILL'),
  'gets SIGTERM from another program': () => kill('SIGTERM'),
  'stalls for 3 s': () => stopFor(3_000),
  'is wedged': () => kill('SIGSTOP'),
  'is stopped': () => server.stop(),
  'is drained and stopped': () => server.stop({ drainMs: 3_000 }),
  'is stopped and started immediately': () => {
    void server.stop()
    return server.ensureRunning().catch(() => undefined)
  },
  'is reconfigured': () =>
    server.reconfigure({ env: { SOAK: String(Math.floor(random() * 3)) } }).catch(() => undefined),
  'is flooded': () => {
    for (let i = 0; i < 60; i++) start(() => server.turn('hello'))
  },
  'loses all turns': () => {
    for (const turn of live) turn.cancel()
  },
  'is idle': () => sleep(6_000),
}
const counts = {}
async function runMisfortunes() {
  while (!isOver) {
    await sleep(1_000 + random() * 6_000)
    const name = pick(Object.keys(misfortunes))
    counts[name] = (counts[name] ?? 0) + 1
    // A failed server stays failed until a caller asks for it.
    if (server.actor.getSnapshot().matches('failed')) await server.ensureRunning().catch(() => undefined)
    await misfortunes[name]()
  }
}

// ---- the account

const reasons = {}
server.lifecycle$.subscribe(({ state, reason = 'none' }) => {
  if (state !== 'reaping' && state !== 'failed') return
  const why = `${state}: ${reason.split(':', 1)[0]}`
  reasons[why] = (reasons[why] ?? 0) + 1
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')
async function liveHeapMb() {
  for (let i = 0; i < 5; i++) {
    collectGarbage()
    await sleep(20)
  }
  return process.memoryUsage().heapUsed / 1024 / 1024
}

console.log(`seed ${seed}, ${minutes} minutes, ${concurrency} conversations`)
await start(() => server.turn('hello')).done
const before = await liveHeapMb()
const talks = [...sessions.map(converse), runMisfortunes()]
await sleep(minutes * 60_000)
isOver = true
await Promise.race([Promise.all(talks), sleep(90_000)])
const { restarts } = server.actor.getSnapshot().context
await server.stop()
await sleep(500)
const after = await liveHeapMb()
await server.close()
model.postMessage('stop')
await once(model, 'exit')
const orphans = processesOf(home)
for (const pid of orphans) process.kill(Number(pid), 'SIGKILL')
const lost = turns.started - turns.ended

console.log('misfortunes     ', counts)
console.log('turns           ', `${turns.started} started, ${turns.ended} ended`)
console.log('terminal replies', turns.terminal)
console.log('ends of servers ', reasons)
console.log('restarts        ', restarts)
console.log('heap            ', `${before.toFixed(1)} → ${after.toFixed(1)} MB`)
console.log('lost turns      ', lost)
console.log('orphans         ', orphans.length)
for (const violation of new Set(turns.violations)) console.log('violation       ', violation)
rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
process.exit(lost + orphans.length + turns.violations.length === 0 ? 0 : 1)
