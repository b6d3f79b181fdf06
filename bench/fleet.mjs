// Measures a fleet: the heap of cold agents, the cost of admission through the whole machine, fairness on simulated
// servers, and, on a fake opencode, starts, the effect of a crash-looping agent, and the overhead of a turn.
// node bench/fleet.mjs [rounds, 5] [heap admission waits fairness crowd crashes overhead]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { recordText } from '../build/io/fleet/agent-record.js'
import { Fleet, OpenCodeServer } from '../build/index.js'
import { fakeOpenCode } from '../build/testing/index.js'
import { fairness, waits } from './lib/fleet-fairness.mjs'
import { heapOf } from './lib/heap.mjs'
import { finish, interleave, quantile, ratiosOf, row, stopwatch, time } from './lib/measure.mjs'
import { StandInFleet } from './lib/stand-in-fleet.mjs'

const rounds = Number(process.argv[2] ?? 5)
const [coldAgents, admissions, pairs] = [10_000, 1_000, 60]
const range = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i)
const server = {
  proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-bench-0123456789' },
  models: ['gpt-4o'],
}

/** @type {string[]} */
const folders = []
function folder() {
  const path = mkdtempSync(join(tmpdir(), 'opencode-runtime-bench-'))
  folders.push(path)
  return path
}

/** Returns the heap of a cold agent in kB: known from its record, and with a status. */
async function coldHeap() {
  const dataDir = folder()
  const records = join(dataDir, '.fleet', 'agents')
  mkdirSync(records, { recursive: true, mode: 0o700 })
  for (const i of range(coldAgents))
    writeFileSync(join(records, `a${i}.json`), recordText({ id: `a${i}`, tenant: `t${i % 100}` }), {
      mode: 0o600,
    })
  const { kB, things } = await heapOf(1, async () => {
    const fleet = new Fleet({ dataDir, defaults: server })
    await fleet.ready
    if (fleet.status.agents.length !== coldAgents) throw new Error('an agent is missing')
    return fleet
  })
  await things[0]?.close()
  return kB / coldAgents
}

/**
 * Load: agents with a running server. An agent that waits for a place has an actor, and the cost of starting an actor
 * depends on their number, because XState copies the list of an actor's children.
 */
const shapes = { '100 running agents': { agents: 100, tenants: 10, maxServers: 100, maxRunningTurns: 64 } }

/** Returns a function that measures the CPU time of a turn's end and the next admission, in µs. */
function admissionCost(/** @type {StandInFleet} */ fleet) {
  return () => {
    const lap = stopwatch()
    for (let i = 0; i < admissions; i++) fleet.turnOver()
    return (lap.stop().cpuMs * 1000) / admissions
  }
}

async function admissionRows() {
  const rows = []
  for (const [name, { agents, ...limits }] of Object.entries(shapes)) {
    const make = (/** @type {number} */ waiting) => {
      const fleet = new StandInFleet(agents, limits)
      for (const i of range(waiting + limits.maxRunningTurns)) fleet.request(`agent${i % agents}`)
      if (fleet.waiting !== waiting) throw new Error(`${fleet.waiting} turns wait, not ${waiting}`)
      return fleet
    }
    const [many, few] = [make(10_000), make(100)]
    const costs = { many: admissionCost(many), few: admissionCost(few) }
    await interleave(1, costs)
    const { many: ofMany, few: ofFew } = await interleave(rounds, costs)
    const figure = `CPU to admit a turn by the fleet’s machine, 10,000 waiting to 100, ${name}`
    rows.push(
      row(
        figure,
        ratiosOf(ofMany, ofFew),
        '≤ 1.3',
        `${Math.round(Math.min(...ofFew))} µs with 100 waiting turns`,
      ),
    )
    for (const fleet of [many, few]) fleet.stop()
  }
  return rows
}

/** Runs a function with a fleet on a fake opencode, and leaves nothing. */
async function withFleet(
  /** @type {object[]} */ agents,
  /** @type {(fleet: Fleet, binary: string) => Promise<unknown>} */ run,
) {
  const fake = await fakeOpenCode()
  const fleet = new Fleet({ dataDir: folder(), defaults: { ...server, binary: fake.binary } })
  try {
    await fleet.apply(/** @type {any} */ (agents))
    return await run(fleet, fake.binary)
  } finally {
    await fleet.close()
    await fake.stop()
  }
}

/** Returns the number of spawns for 100 callers of a cold agent. */
async function spawnsOfACrowd() {
  let pids = new Set()
  await withFleet([{ id: 'a1' }], async (fleet) => {
    fleet.events$.subscribe((event) => {
      if (event.type === 'agent.lifecycle' && event.lifecycle.pid !== undefined) pids.add(event.lifecycle.pid)
    })
    await Promise.all(range(100).map(() => fleet.turn('a1', 'Hello').done))
  })
  return pids.size
}

/** Measures the median time to the first reply of healthy agents, with and without an agent that crashes again and again. */
async function besideACrashLoop() {
  const crashing = await fakeOpenCode({ crashAfterMs: 50 })
  const ids = ['a1', 'a2', 'a3']
  const bad = { id: 'bad', binary: crashing.binary, maxRestarts: 1_000_000 }
  const took = await withFleet([...ids.map((id) => ({ id })), bad], async (fleet) => {
    await Promise.all(ids.map((id) => fleet.turn(id, 'Hello').done))
    const firstReply = async () => {
      const laps = []
      for (const i of range(pairs)) {
        const { wallMs } = await time(() =>
          firstValueFrom(fleet.turn(ids[i % ids.length] ?? '', 'Hello').replies$),
        )
        laps.push(wallMs)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return quantile(laps, 0.5)
    }
    return interleave(rounds, {
      with: async () => {
        const attempt = fleet
          .agent('bad')
          .ensureRunning()
          .catch(() => undefined)
        const hanging = fleet.turn('bad', 'hang')
        const median = await firstReply()
        await fleet.agent('bad').stop()
        await Promise.all([attempt, hanging.done])
        return median
      },
      without: firstReply,
    })
  })
  await crashing.stop()
  return /** @type {{ with: number[], without: number[] }} */ (took)
}

/** Measures prompt → terminal of a turn of a fleet, and of a server, both on the same fake opencode. */
async function overhead() {
  const took = await withFleet([{ id: 'a1' }], async (fleet, binary) => {
    const single = new OpenCodeServer({ ...server, home: join(folder(), 'home'), binary })
    const run = async (/** @type {import('../build/index.js').Turn} */ turn) => {
      const reply = await turn.done
      if (reply.kind !== 'final') throw new Error(reply.error)
    }
    const [ofFleet, ofServer] = [() => run(fleet.turn('a1', 'Hello')), () => run(single.turn('Hello'))]
    for (let i = 0; i < 30; i++) for (const each of [ofFleet, ofServer]) await each()
    // Single turns alternate, because the machine's load changes within a round.
    const laps = { fleet: /** @type {number[]} */ ([]), server: /** @type {number[]} */ ([]) }
    for (let i = 0; i < rounds; i++) {
      const each = await interleave(pairs, { fleet: () => wallOf(ofFleet), server: () => wallOf(ofServer) })
      laps.fleet.push(quantile(each.fleet, 0.5))
      laps.server.push(quantile(each.server, 0.5))
    }
    await single.close()
    return laps
  })
  return /** @type {{ fleet: number[], server: number[] }} */ (took)
}

const wallOf = async (/** @type {() => Promise<unknown>} */ run) => (await time(run)).wallMs

/** The parts of this bench, each with its rows. @type {Record<string, () => Promise<import('./lib/measure.mjs').Row[]>>} */
const parts = {
  async heap() {
    const cold = []
    for (let i = 0; i < 3; i++) cold.push(await coldHeap())
    return [row('heap per cold agent of a fleet, 10,000 agents, in kB', cold, '≤ 3')]
  },
  admission: admissionRows,
  waits: () => waits(rounds),
  fairness: () => fairness(rounds),
  async crowd() {
    return [row('spawns for 100 callers of a cold agent', [await spawnsOfACrowd()], '≤ 1')]
  },
  async crashes() {
    const beside = await besideACrashLoop()
    const figure = 'first reply of other agents, with a crash-looping agent to without'
    return [row(figure, ratiosOf(beside.with, beside.without), '≤ 1.1')]
  },
  async overhead() {
    const both = await overhead()
    return [
      row('prompt → terminal of a fleet’s turn, to a server’s', ratiosOf(both.fleet, both.server), '≤ 1.05'),
    ]
  },
}

try {
  const chosen = process.argv.slice(3)
  const rows = []
  for (const [name, measure] of Object.entries(parts))
    if (chosen.length === 0 || chosen.includes(name)) rows.push(...(await measure()))
  finish(rows)
} finally {
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}
process.exit()
