// Measures a cluster of hosts on one server of NATS: what the way over NATS costs, how many agents find their hosts, and how
// long turns pause when hosts and NATS fail. Times of faults count in leases.
// node bench/cluster.mjs [kills, 15] [rounds, 15]
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fleet } from '../dist/index.js'
import { ClusterStage } from './lib/cluster-stage.mjs'
import { finish, interleave, quantile, ratiosOf, row, short } from './lib/measure.mjs'
import { firstDelta, streamed } from './lib/turn-times.mjs'

const kills = Number(process.argv[2] ?? 15)
const rounds = Number(process.argv[3] ?? 15)
const range = (count) => Array.from({ length: count }, (_, i) => i)
const agentsOf = (count, tenant = 'acme') => range(count).map((i) => ({ id: `${tenant}-${i}`, tenant }))

/** Runs with a stage, and closes it. */
async function onStage(options, run) {
  const stage = await ClusterStage.open(options)
  try {
    return await run(stage)
  } finally {
    await stage.close()
  }
}

// ---- the way over NATS, to a fleet in the same process

const [agent] = agentsOf(1)
const wayOverNats = await onStage({ leaseMs: 15_000, agents: [agent] }, async (stage) => {
  await stage.host('h1')
  const cluster = await stage.caller()
  const fleet = new Fleet({
    dataDir: join(stage.folder, 'in-process'),
    limits: { memoryMb: 100_000 },
    defaults: stage.fleetDefaults,
  })
  await fleet.apply([agent])
  const both = (measure, text) =>
    interleave(rounds, {
      cluster: () => measure(() => cluster.turn(agent.id, text)),
      fleet: () => measure(() => fleet.turn(agent.id, text)),
    })
  await both(firstDelta, 'Hello')
  const slow = await both(firstDelta, 'slow:200 stream:3')
  const atOnce = await both(firstDelta, 'Hello')
  const deltas = await both(streamed, 'stream:20000')
  await fleet.close()
  const medians = [atOnce.cluster, atOnce.fleet].map((list) => short(quantile(list, 0.5))).join(' and ')
  return [
    row(
      'prompt → first reply over a cluster / in-process',
      ratiosOf(slow.cluster, slow.fleet),
      '≤ 1.2',
      `A fake whose answer begins after 200 ms. For one that answers at once: ${medians} ms.`,
    ),
    row(
      'deltas per second over a cluster / in-process',
      ratiosOf(deltas.fleet, deltas.cluster),
      '≥ 0.7',
      'One turn of 20,000 deltas as fast as a fake sends them.',
    ),
  ]
})

// ---- many agents

const many = agentsOf(1_000)
const manyAgents = await onStage(
  { leaseMs: 15_000, agents: many, places: { agents: 1_000, turns: 100 } },
  async (stage) => {
    const hosts = await Promise.all(range(5).map((i) => stage.host(`h${i}`)))
    const cluster = await stage.caller()
    const at = performance.now()
    await Promise.all(many.map(({ id }) => cluster.turn(id, 'deltas:1').text()))
    const cold = performance.now() - at
    const shares = await Promise.all(hosts.map(async (host) => (await host.status()).owned / 200))
    return [
      row(
        'first turns of 1,000 agents without owners, on 5 hosts, in s',
        [cold / 1_000],
        '≤ 6',
        'The agents have no servers: the claims and the way over NATS alone.',
      ),
      row(
        'agents of a host, largest distance from its share of the 1,000 agents',
        [Math.max(...shares.map((share) => Math.abs(share - 1)))],
        '≤ 0.4',
      ),
    ]
  },
)

const loud = range(8).map((i) => ({ id: `loud-${i}`, tenant: 'loud' }))
const quiet = { id: 'quiet', tenant: 'quiet' }
const tenants = await onStage(
  { leaseMs: 15_000, agents: [...loud, quiet], places: { agents: 100, turns: 4 } },
  async (stage) => {
    await stage.host('h1')
    const cluster = await stage.caller()
    const turnMs = async () => {
      const at = performance.now()
      await cluster.turn(quiet.id, 'deltas:5 every:20').text()
      return performance.now() - at
    }
    await turnMs()
    const alone = []
    for (let i = 0; i < 10; i++) alone.push(await turnMs())
    const flood = range(320).map((i) => cluster.turn(loud[i % 8].id, 'deltas:5 every:20').text())
    const beside = []
    for (let i = 0; i < 10; i++) beside.push(await turnMs())
    await Promise.all(flood)
    return [
      row(
        'turn of a quiet tenant beside 320 of a loud one, 4 places / alone',
        ratiosOf(beside, alone),
        '≤ 2',
      ),
    ]
  },
)

// ---- hosts that fail

/** Runs five turns of one agent, kills its host, and measures the next reply of the agent. */
async function nextAfterKill(stage, cluster, { id }, number) {
  const turns = range(5).map(() => cluster.turn(id, 'every:40 stream:2000'))
  await Promise.all(
    turns.map(
      (turn) =>
        new Promise((resolve) => turn.replies$.subscribe(({ kind }) => kind === 'delta' && resolve())),
    ),
  )
  const { hostId } = cluster.status.places.find(({ agentId }) => agentId === id)
  const at = performance.now()
  await stage.hosts.get(hostId).kill()
  const joining = stage.host(`k${number}`)
  const ends = await Promise.all(turns.map(({ done }) => done))
  // On a busy machine, the next host may miss its lease too.
  while ((await cluster.turn(id, 'Hello').done).kind !== 'final');
  const leases = (performance.now() - at) / stage.leaseMs
  await joining
  return { leases, wrong: ends.filter(({ code }) => code !== 'server_died').length }
}

/** Returns the number of turns whose stored records have a problem, or another number of ends than one. */
async function faultsOf(stage) {
  const { turns } = await stage.audit()
  return [...turns.values()].filter(({ ends, problems }) => ends.length !== 1 || problems.length > 0).length
}

const victims = agentsOf(3)
const killed = await onStage({ leaseMs: 3_000, agents: victims }, async (stage) => {
  await Promise.all(['h1', 'h2', 'h3'].map((id) => stage.host(id)))
  const cluster = await stage.caller()
  const [leases, wrong] = [[], []]
  for (let i = 0; i < kills; i++) {
    const measured = await nextAfterKill(stage, cluster, victims[i % 3], i)
    leases.push(measured.leases)
    wrong.push(measured.wrong)
  }
  const faults = await faultsOf(stage)
  return [
    row(
      'kill of a host with 5 turns → next reply of the agent elsewhere, in leases',
      leases,
      '≤ 1.2',
      'A lease of 3 s, fake servers.',
    ),
    row('turns of killed hosts that end otherwise, or not once', [quantile(wrong, 1) + faults], '≤ 0'),
  ]
})

/** Resolves with the largest gap between two replies of turns while a server of NATS is away, in ms. */
async function gapAt(cluster, node, awayMs) {
  const turns = victims.map(({ id }) => cluster.turn(id, 'every:40 stream:100'))
  let gap = 0
  for (const turn of turns) {
    let last
    turn.replies$.subscribe(() => {
      gap = last === undefined ? gap : Math.max(gap, performance.now() - last)
      last = performance.now()
    })
  }
  await sleep(1_000)
  await node.kill()
  await sleep(awayMs)
  await node.resume()
  for (const turn of turns) await turn.text()
  return gap
}

const restarted = await onStage({ leaseMs: 6_000, agents: victims }, async (stage) => {
  await Promise.all(['h1', 'h2'].map((id) => stage.host(id)))
  const cluster = await stage.caller()
  await Promise.all(victims.map(({ id }) => cluster.turn(id, 'Hello').text()))
  const gaps = []
  for (let i = 0; i < 5; i++) gaps.push((await gapAt(cluster, stage.nodes[0], 500)) / stage.leaseMs)
  return [
    row(
      'longest gap between replies at a restart of NATS that takes 0.5 s, in leases',
      gaps,
      '≤ 0.5',
      'A lease of 6 s.',
    ),
  ]
})

const leaderless = await onStage({ nodes: 3, leaseMs: 15_000, agents: victims }, async (stage) => {
  await Promise.all(['h1', 'h2'].map((id) => stage.host(id)))
  const cluster = await stage.caller()
  await Promise.all(victims.map(({ id }) => cluster.turn(id, 'Hello').text()))
  const gaps = []
  for (let i = 0; i < 5; i++)
    gaps.push((await gapAt(cluster, await stage.leaderOf('REPLIES'), 3_000)) / stage.leaseMs)
  return [
    row(
      'longest gap between replies when the leader of three servers of NATS is killed, in leases',
      gaps,
      '≤ 0.5',
      'A lease of 15 s; the server is back after 3 s.',
    ),
    row(
      'turns without exactly one end, or with another than final, after a killed leader',
      [await faultsOf(stage)],
      '≤ 0',
    ),
  ]
})

/** Runs turns of agents on two hosts, and lets one host miss some leases. */
const away = await onStage(
  { leaseMs: 3_000, agents: victims, places: { agents: 100, turns: 100 } },
  async (stage) => {
    const hosts = await Promise.all(['h1', 'h2'].map((id) => stage.host(id)))
    const cluster = await stage.caller()
    const ends = []
    const fences = []
    const ownerOf = () => {
      const places = new Set(cluster.status.places.map(({ hostId }) => hostId))
      return hosts.find(({ id }) => places.has(id))
    }
    const begin = async () => {
      const turns = victims.map(({ id }) => cluster.turn(id, 'deltas:300 every:20'))
      await sleep(500)
      return turns
    }
    for (let i = 0; i < 3; i++) {
      const turns = await begin()
      const host = ownerOf()
      host.stop()
      await sleep(stage.leaseMs * 3)
      host.continue()
      ends.push(...(await Promise.all(turns.map(({ done }) => done))))
      await sleep(stage.leaseMs)
    }
    for (let i = 0; i < 3; i++) {
      const turns = await begin()
      const host = ownerOf()
      const fenced = host.next((fact) => fact.fenced !== undefined)
      const at = Date.now()
      host.cut()
      fences.push(((await fenced).fenced - at) / stage.leaseMs)
      await sleep(stage.leaseMs)
      host.mend()
      ends.push(...(await Promise.all(turns.map(({ done }) => done))))
      await sleep(stage.leaseMs)
    }
    const faults = await faultsOf(stage)
    return [
      row(
        'turns with a stale write, or without exactly one end, of hosts that were stopped for 3 leases or cut off',
        [faults],
        '≤ 0',
        `${ends.length} turns, of which ${ends.filter(({ code }) => code === 'server_died').length} ended with \`server_died\`.`,
      ),
      row('cut of a host → its own end of all work, in leases', fences, '≤ 0.8'),
    ]
  },
)

// ---- a rolling deploy

const deployed = await onStage({ leaseMs: 6_000, agents: agentsOf(6) }, async (stage) => {
  await Promise.all(['h1', 'h2', 'h3'].map((id) => stage.host(id)))
  const cluster = await stage.caller()
  const ends = []
  let isOver = false
  const converse = async ({ id }) => {
    while (!isOver) ends.push(await cluster.turn(id, 'every:20 stream:20').done)
  }
  const talks = agentsOf(6).map(converse)
  for (const host of [...stage.hosts.values()]) {
    await stage.host(`${host.id}-next`)
    await host.drain(20_000)
  }
  isOver = true
  await Promise.all(talks)
  return [
    row(
      'turns that are not final in a rolling deploy of three hosts under load',
      [ends.filter(({ kind }) => kind !== 'final').length + (await faultsOf(stage))],
      '≤ 0',
      `Of ${ends.length} turns.`,
    ),
  ]
})

finish([
  ...wayOverNats,
  ...manyAgents,
  ...tenants,
  ...killed,
  ...restarted,
  ...leaderless,
  ...away,
  ...deployed,
])
