// Measures the CPU time of admitting a turn from the order of a fleet (`FairQueue`): the first turn is found and
// started, an earlier one ends, and another turn arrives. The cost should not depend on the number of waiting
// turns. Figures are cost with 10,000 waiting turns over cost with 100.
// node bench/admission.mjs [rounds, 9]
import { FairQueue } from '../build/machines/fair-queue.js'
import { finish, interleave, ratiosOf, row, stopwatch } from './lib/measure.mjs'

const rounds = Number(process.argv[2] ?? 9)
const admissions = 5_000
const places = 64
const wide = { maxRunningTurns: 10_000, maxQueuedTurns: 1_000_000 }

/** Agents and tenants of the waiting turns. */
const shapes = {
  '1 agent': { agents: 1, tenants: 1 },
  '10,000 agents of 1 tenant': { agents: 10_000, tenants: 1 },
  '10,000 tenants': { agents: 10_000, tenants: 10_000 },
}

/** Fleet whose turns take 1 s each, and whose callers send the next turn when one has ended. */
class Fleet {
  queue = FairQueue.of({ ...wide, maxRunningTurns: places }, {}, { ...wide, weight: 1 })
  /** @type {string[]} */
  running = []
  now = 0
  ids = 0

  /** @param {{ agents: number, tenants: number }} shape @param {number} waiting */
  constructor({ agents, tenants }, waiting) {
    for (let i = 0; i < waiting + places; i++) {
      const agent = i % agents
      this.add(`agent${agent}`, `tenant${agent % tenants}`)
    }
    while (this.running.length < places) this.admit()
  }

  /** @param {string} agentId @param {string} tenant */
  add(agentId, tenant) {
    const turnId = `turn${++this.ids}`
    const entry = { turnId, agentId, tenant, conversationId: `c${this.ids}`, priority: 5, at: this.now }
    this.queue = this.queue.setAgent(agentId, { ...wide, tenant, group: 'ready' }).add(entry, this.now)
  }

  admit() {
    const first = this.queue.first('ready', this.now)
    if (first === undefined) throw new Error('no turn can be admitted')
    this.queue = this.queue.start(first.turnId, this.now)
    this.running.push(first.turnId)
    this.now += 1_000 / places
  }

  /** Ends the oldest running turn, adds another turn of its agent, and admits the next turn. */
  turnOver() {
    const ended = this.queue.entry(this.running.shift() ?? '')
    if (ended === undefined) throw new Error('no turn is running')
    this.queue = this.queue.remove([ended.turnId], this.now)
    this.add(ended.agentId, ended.tenant)
    this.admit()
  }
}

/** Returns the CPU time of an admission, in µs. @param {Fleet} fleet */
function cost(fleet) {
  for (let i = 0; i < admissions / 10; i++) fleet.turnOver()
  const lap = stopwatch()
  lap.start()
  for (let i = 0; i < admissions; i++) fleet.turnOver()
  return (lap.stop().cpuMs * 1000) / admissions
}

const rows = []
for (const [name, shape] of Object.entries(shapes)) {
  const [many, few] = [new Fleet(shape, 10_000), new Fleet(shape, 100)]
  const costs = await interleave(rounds, { many: () => cost(many), few: () => cost(few) })
  const note = `${Math.round(Math.min(...costs.few))} µs with 100 waiting turns`
  const figure = `CPU to admit a turn, 10,000 waiting to 100 waiting, of ${name}`
  rows.push(row(figure, ratiosOf(costs.many, costs.few), '≤ 1.3', note))
}
finish(rows)
