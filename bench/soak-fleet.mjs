// Runs a fleet on a fake opencode under a load of turns, for some minutes, with random kills, wedges, floods, applies,
// removals and evictions. Every turn must end exactly once, no limit may be passed, no place may be lost, and at the end
// no process may be left. Exits with 1 otherwise.
//
//   npm run soak -- fleet 10 --seed 42
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Fleet } from '../dist/index.js'
import { fakeOpenCode } from '../dist/testing/index.js'
import { liveHeap } from './lib/heap.mjs'
import { processesOf } from './lib/processes.mjs'
import { randomFrom } from './lib/random.mjs'

const { values: flags, positionals } = parseArgs({
  options: { seed: { type: 'string', default: String(Date.now() % 1e6) } },
  allowPositionals: true,
})
const [minutes, seed] = [Number(positionals[1] ?? 10), Number(flags.seed)]
const limits = { maxServers: 4, maxStarting: 2, maxRunningTurns: 10, maxQueuedTurns: 200, memoryMb: 100_000 }
const { random, pick } = randomFrom(seed)
const range = (count) => Array.from({ length: count }, (_, i) => i)

const fake = await fakeOpenCode()
const dataDir = mkdtempSync(join(tmpdir(), 'opencode-runtime-soak-'))
const fleet = new Fleet({
  dataDir,
  limits,
  tenants: { t0: { weight: 3 }, t1: { maxRunningTurns: 3, maxQueuedTurns: 100 } },
  defaults: {
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-soak-0123456789' },
    models: ['gpt-4o'],
    binary: fake.binary,
    healthIntervalMs: 500,
    probeTimeoutMs: 1_500,
    busyGraceMs: 3_000,
    idleTimeoutMs: 2_000,
    stopGraceMs: 1_000,
    maxRestarts: 100,
    backoffInitialMs: 50,
    backoffMaxMs: 500,
    turnDeadlineMs: 60_000,
    drainMs: 3_000,
  },
})

// ---- the account

const violations = new Map()
const violate = (what) => violations.set(what, (violations.get(what) ?? 0) + 1)
const turns = { started: 0, ended: 0, codes: {} }
const live = new Set()
const [pids, running, ended] = [new Map(), new Set(), new Set()]
const events = {}
process.on('unhandledRejection', (error) => violate(`unhandled rejection: ${error}`))

fleet.events$.subscribe((event) => {
  const name = event.type === 'agent.evicted' ? `${event.type} (${event.reason})` : event.type
  events[name] = (events[name] ?? 0) + 1
  if (event.type === 'agent.lifecycle') {
    const { pid, state } = event.lifecycle
    if (pid === undefined || state === 'idle') pids.delete(event.agentId)
    else pids.set(event.agentId, pid)
    // A server that waits for its restart shows the pid of its ended process: the loss of a pid is no event of its own.
    const count = [...pids.values()].filter(isAlive).length
    if (count > limits.maxServers) violate(`${count} servers have a process`)
  }
  if (event.type === 'turn.started') running.add(event.turnId)
  if (event.type === 'turn.ended') {
    running.delete(event.turnId)
    if (ended.has(event.turnId)) violate('a turn ended twice')
    ended.add(event.turnId)
  }
})
fleet.status$.subscribe(({ servers, turns: { running: now, queued } }) => {
  if (servers.running + servers.starting > limits.maxServers) violate('maxServers was passed')
  if (servers.starting > limits.maxStarting) violate('maxStarting was passed')
  if (now > limits.maxRunningTurns) violate('maxRunningTurns was passed')
  // As many turns as may run may wait for the start of their servers, beside those in the queue's bound.
  if (queued > limits.maxRunningTurns + limits.maxQueuedTurns) violate('maxQueuedTurns was passed')
})

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function follow(turn) {
  turns.started++
  live.add(turn)
  let terminals = 0
  turn.replies$.subscribe({
    next: ({ kind }) => (terminals += kind === 'final' || kind === 'error' ? 1 : 0),
    error: (error) => violate(`replies$ failed: ${error}`),
    complete: () => {
      turns.ended++
      live.delete(turn)
      if (terminals !== 1) violate(`a turn emitted ${terminals} terminal replies`)
    },
  })
  void turn.done.then((reply) => {
    const code = reply.kind === 'error' ? reply.code : 'final'
    turns.codes[code] = (turns.codes[code] ?? 0) + 1
    if (code === 'internal') violate(`internal: ${reply.error}`)
  })
  return turn
}

// ---- the load

const specs = new Map(range(24).map((i) => [`a${i}`, { id: `a${i}`, tenant: `t${i % 4}` }]))
const anyId = () => pick([...specs.keys()])
const prompts = [
  'Hello',
  'Hello',
  'slow:200 echo:hi',
  'every:20 stream:20',
  'tool:300 echo:hi',
  'fail:401',
  'hang',
]
let isOver = false

async function converse() {
  while (!isOver) {
    const id = anyId()
    const text = pick(prompts)
    const turn = follow(fleet.turn(id, { text, priority: Math.floor(random() * 10) }))
    // A turn that hangs is always cancelled.
    if (text === 'hang' || random() < 0.05) {
      await Promise.race([turn.done, sleep(random() * 3_000)])
      turn.cancel()
    }
    await turn.done
    await sleep(random() * 300)
  }
}

// ---- the world: one misfortune after another

const signal = (name) => {
  const pid = pick([...pids.values()])
  try {
    if (pid !== undefined) process.kill(pid, name)
  } catch {
    // The process has ended meanwhile.
  }
}
const expected = (call) => call.catch(({ code }) => code ?? violate('an error without a code'))
const misfortunes = {
  'a server is killed': () => signal('SIGKILL'),
  'a server gets SIGTERM': () => signal('SIGTERM'),
  'a server is wedged': () => signal('SIGSTOP'),
  'an agent floods': () => {
    const id = anyId()
    for (let i = 0; i < 150; i++) follow(fleet.turn(id, 'Hello'))
  },
  'all agents are asked': () => {
    for (const id of specs.keys()) follow(fleet.turn(id, 'Hello'))
  },
  'agents are changed': () => {
    const changed = range(3).map(() => ({
      ...specs.get(anyId()),
      env: { SOAK: String(Math.floor(random() * 3)) },
    }))
    const once = [...new Map(changed.map((spec) => [spec.id, spec])).values()]
    for (const spec of once) specs.set(spec.id, spec)
    return expected(fleet.apply(once))
  },
  'an agent is removed and comes back': async () => {
    const id = anyId()
    const spec = specs.get(id)
    await expected(fleet.remove(id, { drainMs: random() < 0.5 ? 1_000 : 0, deleteHome: random() < 0.5 }))
    await fleet.apply([spec])
  },
  'an agent is stopped': () => fleet.agent(anyId()).stop({ drainMs: random() < 0.5 ? 500 : 0 }),
  'sessions are listed': () => expected(fleet.agent(anyId()).sessions()),
  'agents are started': () => Promise.all(range(6).map(() => expected(fleet.agent(anyId()).ensureRunning()))),
  'all turns are cancelled': () => {
    for (const turn of live) turn.cancel()
  },
  'nothing happens': () => sleep(4_000),
}
const counts = {}
async function runMisfortunes() {
  while (!isOver) {
    await sleep(300 + random() * 1_500)
    const name = pick(Object.keys(misfortunes))
    counts[name] = (counts[name] ?? 0) + 1
    // A misfortune that takes long does not keep the next one back.
    await Promise.race([misfortunes[name](), sleep(5_000)])
  }
}

console.log(`seed ${seed}, ${minutes} minutes, ${specs.size} agents in ${limits.maxServers} places`)
await fleet.apply([...specs.values()])
await Promise.all([...specs.keys()].map((id) => follow(fleet.turn(id, 'Hello')).done))
const before = (await liveHeap()) / 2 ** 20
const talks = [...range(8).map(converse), runMisfortunes()]
const heaps = []
for (let minute = 0; minute < minutes; minute++) {
  await sleep(60_000)
  heaps.push(((await liveHeap()) / 2 ** 20).toFixed(1))
}
isOver = true
await Promise.race([Promise.all(talks), sleep(90_000)])
for (const turn of live) await Promise.race([turn.done, sleep(60_000)])
const lost = turns.started - turns.ended

// No place, start or permit may be lost: all servers end by their idle time, and each agent still answers.
const untilIdle = Date.now() + 60_000
while (fleet.status.servers.running + fleet.status.servers.starting > 0 && Date.now() < untilIdle)
  await sleep(200)
const { servers, turns: load } = fleet.status
if (servers.running + servers.starting + load.running + load.queued > 0)
  violate(`not idle at the end: ${JSON.stringify({ servers, load })}`)
if (running.size > 0) violate(`${running.size} turns have started and not ended`)
const last = await Promise.all([...specs.keys()].map((id) => follow(fleet.turn(id, 'Hello')).done))
for (const reply of last)
  if (reply.kind !== 'final') violate(`the last turn of an agent: ${reply.code}: ${reply.error}`)
live.clear()
ended.clear()
const after = (await liveHeap()) / 2 ** 20
await fleet.close()
await sleep(500)
const orphans = processesOf(`${dataDir}/`)
for (const pid of orphans) process.kill(Number(pid), 'SIGKILL')
await fake.stop()

console.log('misfortunes     ', counts)
console.log('events          ', events)
console.log('turns           ', `${turns.started} started, ${turns.ended} ended`)
console.log('ends            ', turns.codes)
console.log('heap            ', `${before.toFixed(1)} → ${after.toFixed(1)} MB; by minute ${heaps.join(' ')}`)
console.log('lost turns      ', lost)
console.log('orphans         ', orphans.length)
for (const [what, times] of violations) console.log('violation       ', `${what} (${times} times)`)
rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
process.exit(lost + orphans.length + violations.size === 0 ? 0 : 1)
