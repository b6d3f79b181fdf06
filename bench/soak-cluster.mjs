// Runs a cluster of hosts in processes, on fake servers, under a load of turns, and lets hosts and servers of NATS fail at
// random. At the end every accepted turn has exactly one stored end, which every caller has seen, no turn has run twice,
// and no message and no process is left. Exits with 1 otherwise.
//
//   npm run soak -- cluster 10000 --seed 42              (turns; one server of NATS, 14 faults)
//   npm run soak -- cluster 3000 --nodes 3 --seed 42     (three servers of NATS, 7 faults)
//
// The seed repeats the turns and the faults; a fault comes after a number of ended turns.
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterStage } from './lib/cluster-stage.mjs'
import { quantile } from './lib/measure.mjs'
import { orphansLeft } from './lib/processes.mjs'
import { randomFrom } from './lib/random.mjs'
import { promptsOf } from './lib/prompts.mjs'

const { values: flags, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    nodes: { type: 'string', default: '1' },
    faults: { type: 'string' },
    kinds: { type: 'string' },
    lease: { type: 'string' },
    hosts: { type: 'string', default: '4' },
    agents: { type: 'string', default: '30' },
    callers: { type: 'string', default: '60' },
  },
  allowPositionals: true,
})
const nodes = Number(flags.nodes)
const least = Number(positionals[1] ?? (nodes > 1 ? 3_000 : 10_000))
const faultCount = Number(flags.faults ?? (nodes > 1 ? 7 : 14))
// An election of three servers takes some seconds, in which no lease may end.
const leaseMs = Number(flags.lease ?? (nodes > 1 ? 8_000 : 3_000))
const [seed, hostCount, agentCount, callers] = [flags.seed, flags.hosts, flags.agents, flags.callers].map(
  Number,
)
const range = (count) => Array.from({ length: count }, (_, i) => i)
const agents = range(agentCount).map((i) => ({ id: `a${i}`, tenant: `t${i % 5}` }))
/** Time in which a turn must have its end, whatever happens, in ms. */
const deadlineMs = 120_000
/** Deadline of a turn that hangs. A shorter one may pass while servers of NATS elect a leader, before the turn is sent. */
const hangMs = nodes > 1 ? 12_000 : 2_000

const stage = await ClusterStage.open({ nodes, leaseMs, agents })
const [caller, watcher] = [await firstCaller(), await stage.caller()]

// ---- the account

const violations = new Map()
const violate = (what) => violations.set(what, (violations.get(what) ?? 0) + 1)
process.on('unhandledRejection', (error) => violate(`unhandled rejection: ${error?.stack ?? error}`))
const counts = { sent: 0, ended: 0, twice: 0, attached: 0, cancelled: 0, ends: {}, faults: {} }
const waits = []
/** Ends as the callers saw them, by turn. @type {Map<string, object>} */
const seen = new Map()
/** Turns by id. */
const sent = new Map()
/** Turns of which the run prints what is stored. */
const suspects = new Set()

/** Starts the hosts, so that a caller can connect. */
async function firstCaller() {
  await Promise.all(range(hostCount).map((i) => stage.host(`h${i + 1}`)))
  return stage.caller()
}

// ---- the load

const prompts = [
  ...['Hello', 'Hello', 'every:10 stream:30', 'every:2 stream:100', 'slow:200 stream:3', 'tool:200 stream:5'],
  ...['think:hm stream:40', 'fail:401', 'permission', 'hang'],
]

/** Returns the turn of a number: the same for the same seed, whatever happened before. */
function plan(number) {
  const { random, pick, below } = randomFrom(seed * 100_003 + number)
  const prompt = pick(prompts)
  return {
    ...{ turnId: `t${number}`, prompt, agentId: pick(agents).id },
    ...{ isTwice: random() < 0.06, isAttached: random() < 0.15, isResumed: random() < 0.3 },
    cancelAfter: random() < 0.04 ? below(5) : undefined,
  }
}

function inputOf({ turnId, prompt, isResumed }) {
  return {
    ...{ turnId, text: `${prompt} #${turnId}`, resume: isResumed, onPermission: () => 'once' },
    deadlineMs: prompt === 'hang' ? hangMs : deadlineMs,
  }
}

async function runTurn() {
  const planned = plan(++counts.sent)
  const { turnId, agentId, isTwice, isAttached, cancelAfter } = planned
  sent.set(turnId, planned)
  const at = performance.now()
  const handles = [caller.turn(agentId, inputOf(planned))]
  if (isTwice) handles.push(watcher.turn(agentId, inputOf(planned)))
  if (isAttached) handles.push(watcher.attach(turnId))
  counts.twice += Number(isTwice)
  counts.attached += Number(isAttached)
  const follows = handles.map((handle) => follow(handle, planned))
  if (cancelAfter !== undefined) cancelLater(handles[0], cancelAfter)
  const [end, ...others] = await Promise.all(follows)
  waits.push(performance.now() - at)
  seen.set(turnId, end)
  if (others.some((other) => !isDeepStrictEqual(other, end))) violate('two callers saw different ends')
  counts.ended++
  const name = end.kind === 'error' ? end.code : end.kind
  counts.ends[name] = (counts.ends[name] ?? 0) + 1
  if (['internal', 'overloaded', 'rejected', 'server_unavailable'].includes(name)) {
    suspects.add(turnId)
    violate(`${name}: ${end.error}`)
  }
}

function cancelLater(turn, replies) {
  counts.cancelled++
  if (replies === 0) turn.cancel()
  let left = replies
  turn.replies$.subscribe(() => {
    if (--left === 0) turn.cancel()
  })
}

/** Follows a turn to its end, and checks what the caller sees. */
async function follow(turn, { turnId, prompt }) {
  let [text, ends] = ['', 0]
  turn.status$.subscribe(({ state }) => {
    if (state === 'retrying') text = ''
  })
  turn.replies$.subscribe((reply) => {
    if (ends > 0) violate('a reply after the end')
    if (reply.kind === 'delta') text += reply.content
    if (reply.kind === 'final' || reply.kind === 'error') ends++
  })
  const limit = new AbortController()
  const late = sleep(deadlineMs * 2, undefined, { signal: limit.signal }).then(
    () => Promise.reject(new Error(`the turn ${turnId} (${prompt}) has no end`)),
    () => new Promise(() => {}),
  )
  const end = await Promise.race([turn.done, late])
  limit.abort()
  if (ends !== 1) violate(`a caller saw ${ends} ends`)
  if (end.kind === 'final' && end.content !== text) violate('the answer is not the joined deltas')
  if (end.kind === 'final') checkAnswer(prompt, end.content)
  return end
}

function checkAnswer(prompt, answer) {
  const [, count] = /stream:(\d+)/.exec(prompt) ?? []
  const isRight = count !== undefined ? answer === 'x '.repeat(Number(count)) : answer !== ''
  if (!isRight && prompt !== 'permission') violate(`another answer to ${prompt}: ${answer.slice(0, 40)}`)
}

let isOver = false
async function converse() {
  while (!isOver) {
    try {
      await runTurn()
    } catch (error) {
      violate(`${error.message}`)
    }
  }
}

// ---- the world: one misfortune after another

const { random, pick, below } = randomFrom(seed)
let hostNumber = hostCount
const startHost = (hostId = `h${++hostNumber}`) => stage.host(hostId)
const well = () => [...stage.hosts.values()].filter(({ isWell }) => isWell)
const anyHost = () => pick(well())
const anyNode = () => stage.nodes[below(stage.nodes.length)]
/** Time for which a server of NATS is away, in ms. */
const awayMs = nodes > 1 ? 2_500 : 800

/** Misfortunes; each resolves when the cluster is whole again. */
const misfortunes = {
  async 'a host is killed, a new one joins'() {
    await anyHost().kill()
    await startHost()
  },
  async 'a host is killed, and starts again'() {
    const host = anyHost()
    await host.kill()
    await startHost(host.id)
  },
  async 'a host is stopped for 3 leases'() {
    const host = anyHost()
    host.stop()
    await sleep(leaseMs * 3)
    host.continue()
  },
  async 'a host is cut off for 2 leases'() {
    const host = anyHost()
    host.cut()
    await sleep(leaseMs * 2)
    host.mend()
  },
  async 'a host leaves, a new one joins'() {
    await Promise.all([anyHost().drain(20_000), startHost()])
  },
  async 'a host joins'() {
    await startHost()
  },
  async 'a server of NATS is killed'() {
    const node = anyNode()
    await node.kill()
    await sleep(awayMs)
    await node.resume()
  },
}

/** Lets the misfortunes happen, each after a number of ended turns, and not sooner than a lease after the one before. */
async function runMisfortunes() {
  const kinds = Object.keys(misfortunes).filter((kind) => kind.includes(flags.kinds ?? ''))
  const healing = new Set()
  // Each kind comes once before any comes again.
  let deck = []
  const draw = () => {
    if (deck.length === 0) deck = [...kinds]
    return deck.splice(below(deck.length), 1)[0]
  }
  for (let i = 0; i < faultCount; i++) {
    const kind = nodes > 1 && i % 3 === 0 ? kinds.at(-1) : draw()
    const after = ((i + 0.3 + random() * 0.4) * least) / faultCount
    while (counts.ended < after || well().length < 2) await sleep(50)
    counts.faults[kind] = (counts.faults[kind] ?? 0) + 1
    console.log(`${new Date().toISOString().slice(14, 23)} after ${counts.ended} turns: ${kind}`)
    const healed = misfortunes[kind]().catch((error) => violate(`${kind}: ${error.message}`))
    healing.add(healed)
    // A second server of NATS that dies would leave no majority.
    if (kind === kinds.at(-1)) await healed
    await sleep(leaseMs)
  }
  await Promise.all(healing)
}

// ---- the checks at the end

/** Compares all that is stored with what the callers saw. */
async function checkStored() {
  const { turns, batches, left } = await stage.audit()
  for (const [turnId, { ends, problems }] of turns) {
    for (const problem of problems) violate(`stored: ${problem.slice(0, 200)}`)
    if (problems.length > 0 || ends.length !== 1) suspects.add(turnId)
    if (ends.length !== 1) violate(`stored: ${ends.length} ends`)
    if (!seen.has(turnId)) violate('stored: a turn that nobody has sent')
    else if (!isDeepStrictEqual(ends[0], seen.get(turnId)))
      violate('a caller saw another end than the stored one')
  }
  for (const turnId of seen.keys()) if (!turns.has(turnId)) violate('a turn is not stored')
  for (const turnId of [...suspects].slice(0, 5)) printTurn(turnId, batches.get(turnId) ?? [])
  if (left > 0) violate(`${left} messages are left in the inboxes`)
  return [...turns.values()].filter(({ owners }) => owners > 1).length
}

/** Prints the records of a turn, a line for each batch. */
function printTurn(turnId, batches) {
  const { agentId, prompt } = sent.get(turnId)
  console.log(`${turnId} of ${agentId}: ${prompt}`)
  for (const { at, batch } of batches) {
    const kinds = batch.records.map(({ kind, hostId, reply, status }) =>
      [kind, hostId, reply?.kind, reply?.code, status?.state].filter(Boolean).join(' '),
    )
    console.log(`  ${new Date(at).toISOString().slice(14, 23)} epoch ${batch.epoch}: ${kinds.join(', ')}`)
  }
}

/** Counts the prompts that came to the fake: a turn without `resume` is never sent twice. */
function checkPrompts() {
  let again = 0
  for (const [turnId, count] of promptsOf(stage.fake)) {
    if (count > 1 && !sent.get(turnId)?.isResumed) violate(`a turn has run ${count} times`)
    if (count > 1) again++
  }
  return again
}

async function inboxesEmpty() {
  for (const until = Date.now() + leaseMs * 4; Date.now() < until; await sleep(100))
    if ((await stage.audit()).left === 0) return
}

const version = `seed ${seed}, ${least} turns, ${faultCount} faults, ${hostCount} hosts, ${agentCount} agents, lease ${leaseMs} ms`
console.log(`${version}, ${nodes} ${nodes === 1 ? 'server' : 'servers'} of NATS`)
const startedAt = performance.now()
let [moved, again, orphans] = [0, 0, []]
try {
  const talks = range(callers).map(converse)
  await runMisfortunes()
  while (counts.ended < least) await sleep(50)
  isOver = true
  await Promise.all(talks)
  await inboxesEmpty()
  moved = await checkStored()
  for (const host of stage.hosts.values()) if (host.isAlive) await host.drain(0)
  again = checkPrompts()
  orphans = await orphansLeft(`${stage.folder}/`)
  for (const pid of orphans) process.kill(Number(pid), 'SIGKILL')
} catch (error) {
  violate(`the run has failed: ${error.stack}`)
} finally {
  await stage.close()
}

const seconds = (performance.now() - startedAt) / 1_000
const at = (q) =>
  `${(quantile(waits, q) / 1_000).toFixed(2)} s (${(quantile(waits, q) / leaseMs).toFixed(2)} leases)`
console.log('faults          ', counts.faults)
console.log(
  'turns           ',
  `${counts.ended} in ${seconds.toFixed(0)} s, ${moved} moved, ${again} ran again`,
)
console.log('times           ', `median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`)
console.log('ends            ', counts.ends)
console.log(
  'callers         ',
  `${counts.twice} turns sent twice, ${counts.attached} attached, ${counts.cancelled} cancelled`,
)
console.log('orphans         ', orphans.length)
for (const [what, times] of violations) console.log('violation       ', `${what} (${times} times)`)
process.exit(orphans.length + violations.size === 0 ? 0 : 1)
