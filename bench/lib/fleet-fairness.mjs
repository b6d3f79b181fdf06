// Fairness of a whole fleet on simulated servers and a virtual clock: how long light turns wait beside a flooder, and how
// running time is shared. Durations of turns are drawn from a seed.
import { simulatedFleet } from '../../build/testing/simulated-fleet/simulated-fleet.js'
import { quantile, row } from './measure.mjs'

const [shortestMs, longestMs, startMs] = [500, 4_000, 2_000]
const range = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i)

/** Returns a generator of numbers from 0 to 1. @param {number} seed */
function dice(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * Returns a simulated fleet of eight places, and for each turn when it was queued, started and ended.
 * @param {number} seed @param {{ id: string, tenant: string }[]} agents @param {object} [tenants]
 */
function watched(seed, agents, tenants = {}) {
  const random = dice(seed)
  const { fleet, time } = simulatedFleet({
    agents,
    tenants,
    limits: { maxServers: 8, maxStarting: 8, maxRunningTurns: 8 },
    script: () => ({ afterMs: shortestMs + Math.round(random() * (longestMs - shortestMs)) }),
  })
  /** @type {Map<string, { tenant: string, queued?: number, started?: number, ended?: number }>} */
  const turns = new Map()
  fleet.events$.subscribe((event) => {
    if (!('turnId' in event)) return
    const turn = turns.get(event.turnId) ?? { tenant: event.tenant }
    turns.set(event.turnId, turn)
    if (event.type === 'turn.queued') turn.queued = time.now()
    if (event.type === 'turn.started') turn.started = time.now()
    if (event.type === 'turn.ended') turn.ended = time.now()
  })
  return { fleet, time, turns, random }
}

/**
 * Closes a fleet, whose clock must go on meanwhile.
 * @param {import('../../build/index.js').Fleet} fleet @param {{ advance: (ms: number) => Promise<void> }} time
 */
async function close(fleet, time) {
  const closed = fleet.close()
  await time.advance(60_000)
  await closed
}

/** Returns the p99 of the waits of light turns beside a flooder, in ms. @param {number} seed */
async function lightWaits(seed) {
  const light = range(19).map((i) => ({ id: `light${i}`, tenant: `light${i}` }))
  const { fleet, time, turns, random } = watched(seed, [{ id: 'flooder', tenant: 'flooder' }, ...light])
  await time.advance(0)
  for (let i = 0; i < 2_000; i++) fleet.turn('flooder', 'flood')
  await time.advance(10_000)
  // Most light turns need a start, so that they use a third of the other seven places.
  for (let i = 0; i < 240; i++) {
    for (const { id } of light) if (random() < 0.03) fleet.turn(id, 'light')
    await time.advance(1_000)
  }
  await time.advance(60_000)
  const waited = [...turns.values()].filter(({ tenant }) => tenant !== 'flooder')
  if (waited.some(({ ended }) => ended === undefined)) throw new Error('a light turn has not ended')
  await close(fleet, time)
  return quantile(
    waited.map(({ queued = 0, started = 0 }) => started - queued),
    0.99,
  )
}

/**
 * Returns the running time of each tenant within two minutes in which all of them have turns, in ms.
 * @param {number} seed @param {object} tenants @param {number} agentsOf number of agents of each tenant
 */
async function shares(seed, tenants, agentsOf) {
  const names = Object.keys(tenants)
  const agents = names.flatMap((tenant) => range(agentsOf).map((i) => ({ id: `${tenant}-${i}`, tenant })))
  const { fleet, time, turns } = watched(seed, agents, tenants)
  await time.advance(0)
  // The first tenant sends twice as many turns as the others, which gives it no larger share.
  for (const { id, tenant } of agents) {
    const count = (tenant === names[0] ? 1_000 : 500) / agentsOf
    for (let i = 0; i < count; i++) fleet.turn(id, 'go')
  }
  const from = time.now() + 10_000
  await time.advance(130_000)
  const until = time.now()
  const runningTime = (/** @type {string} */ name) =>
    [...turns.values()]
      .filter(({ tenant, started }) => tenant === name && started !== undefined)
      .map(({ started = 0, ended = until }) => Math.max(0, Math.min(ended, until) - Math.max(started, from)))
      .reduce((sum, ms) => sum + ms, 0)
  const used = names.map(runningTime)
  await close(fleet, time)
  return used
}

/** @param {number} rounds */
export async function waits(rounds) {
  const took = []
  for (const seed of range(rounds))
    took.push((await lightWaits(seed + 1)) / (longestMs + startMs + (shortestMs + longestMs) / 2))
  return [
    row(
      'p99 wait of light turns beside a flooder, to the longest turn and one service time',
      took,
      '≤ 1',
      'A service time is a start and a turn of mean length.',
    ),
  ]
}

/** @param {number} rounds */
export async function fairness(rounds) {
  const [jain, weighted] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])]
  for (const seed of range(rounds)) {
    const used = await shares(seed + 1, { t0: {}, t1: {}, t2: {}, t3: {} }, 2)
    const [sum, squares] = [used.reduce((a, b) => a + b, 0), used.reduce((a, b) => a + b * b, 0)]
    jain.push((sum * sum) / (used.length * squares))
    const [one = NaN, three = NaN] = await shares(seed + 1, { one: { weight: 1 }, three: { weight: 3 } }, 4)
    weighted.push(three / one / 3)
  }
  const off = weighted.map((ratio) => Math.abs(ratio - 1))
  return [
    row('Jain’s index of the running time of four equal tenants', jain, '≥ 0.95'),
    row('share of two tenants of the weights 1 and 3, distance from 3', off, '≤ 0.1'),
  ]
}
