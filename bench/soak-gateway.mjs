// Kills a gateway again and again under a load of turns and readers, and starts it again on the same data. At the end every
// turn has exactly one end, every reader has got each reply once and in order, one key is one turn, no process is left,
// and the store is whole. Exits with 1 otherwise.
//
//   npm run soak -- gateway 20 --seed 42
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { join } from 'node:path'
import Database from 'libsql'
import { deferred } from '../build/util/deferred.js'
import { GatewayStage } from './lib/gateway-daemon.mjs'
import { sendJson } from './lib/gateway-reader.mjs'
import { orphansLeft } from './lib/processes.mjs'
import { promptsOf } from './lib/prompts.mjs'
import { randomFrom } from './lib/random.mjs'
import { readTurn } from './lib/soak-reader.mjs'

const { values: flags, positionals } = parseArgs({
  options: { seed: { type: 'string', default: String(Date.now() % 1e6) } },
  allowPositionals: true,
})
const [rounds, seed] = [Number(positionals[1] ?? 20), Number(flags.seed)]
const { random, pick, below } = randomFrom(seed)
const range = (count) => Array.from({ length: count }, (_, i) => i)
const agents = range(4).map((i) => ({ id: `a${i}` }))
const stage = await GatewayStage.open({
  agents,
  defaults: { stop_grace_ms: 1_000, backoff_initial_ms: 50, backoff_max_ms: 500, turn_deadline_ms: 60_000 },
})

// ---- the account

const violations = new Map()
const violate = (what) => violations.set(what, (violations.get(what) ?? 0) + 1)
const counts = {
  turns: 0,
  posts: 0,
  replies: 0,
  joins: 0,
  readers: 0,
  resumed: 0,
  ends: {},
  unavailable: new Set(),
  kills: {},
}
/** Turns that were asked for, by their trace ids. */
const asked = new Map()
let isOver = false

// ---- the gateway, which dies and comes back

let serving = deferred()
let dying = deferred()
/** Counts down what the next death waits for. @type {{ what: string, left: number, reached: () => void } | undefined} */
let fuse
const burn = (what) => {
  if (fuse?.what === what && --fuse.left <= 0) fuse.reached()
}
const world = {
  token: stage.token,
  url: () => serving.promise,
  died: () => (isOver ? undefined : dying.promise),
  below,
  onReply: () => {
    counts.replies++
    burn('replies')
  },
  violate,
}

async function start() {
  const url = await stage.start()
  serving.resolve(url)
}

/** Waits for a random moment, and kills the gateway. The moment is an event, so that a busy machine changes nothing. */
async function dieOnce() {
  const moments = {
    replies: 1 + below(1_500),
    'a post is sent': 1 + below(20),
    'a turn has ended': 1 + below(15),
    'it serves': 0,
  }
  // Seldom as soon as it serves, so that the load comes back between the deaths.
  const what = random() < 0.1 ? 'it serves' : pick(Object.keys(moments).slice(0, -1))
  counts.kills[what] = (counts.kills[what] ?? 0) + 1
  if (moments[what] > 0) {
    const reached = deferred()
    fuse = { what, left: moments[what], reached: () => reached.resolve() }
    await reached.promise
    fuse = undefined
  }
  const [, lastDying] = [(serving = deferred()), dying]
  await stage.kill()
  dying = deferred()
  lastDying.resolve()
}

// ---- the load

const prompts = [
  'Hello',
  'every:10 stream:60',
  'every:2 stream:300',
  'slow:200 stream:3',
  'tool:200 stream:5',
  'think:hm stream:500',
  'fail:401',
  'hang',
]

/** Posts a turn until the gateway has told its id. Without a key a lost answer may be a turn that nobody knows. */
async function post(turn) {
  const { key, agent, body } = turn
  for (;;) {
    const url = await world.url()
    counts.posts++
    try {
      const answering = sendJson({
        ...{ url, token: stage.token, body, path: `/v1/agents/${agent}/turns`, accept: 'application/json' },
        headers: key === undefined ? {} : { 'idempotency-key': key },
      })
      burn('a post is sent')
      const { status, json } = await answering
      if (status === 202) return json.turn_id
      violate(`a post gets ${status}: ${JSON.stringify(json)}`)
      return undefined
    } catch {
      if (key === undefined) return undefined
    }
  }
}

async function runTurn() {
  const name = `t${++counts.turns}`
  const prompt = pick(prompts)
  const body = {
    text: `${prompt} #${name}`,
    trace_id: name,
    resume: random() < 0.3,
    ...(prompt === 'hang' && { deadline_ms: 1_500 }),
  }
  const turn = {
    agent: pick(agents).id,
    key: random() < 0.6 ? name : undefined,
    body,
    ids: new Set(),
    reads: [],
  }
  asked.set(name, turn)
  const posts = turn.key === undefined ? 1 : 3
  const ids = await Promise.all(range(posts).map(() => post(turn)))
  for (const id of ids) if (id !== undefined) turn.ids.add(id)
  const [turnId] = turn.ids
  if (turnId === undefined) return
  const reading = range(1 + below(3)).map(async () => {
    const read = await readTurn(world, turnId)
    burn('a turn has ended')
    counts.readers++
    counts.joins += read.joins
    turn.reads.push(read)
  })
  await Promise.all(reading)
  // The key is the same turn after its end, too, and after a restart.
  if (turn.key !== undefined && random() < 0.3) turn.ids.add(await post(turn))
}

async function converse() {
  while (!isOver) await runTurn()
}

// ---- the checks at the end

/** Returns all turns that the gateway knows. */
async function listTurns() {
  const [url, turns] = [await world.url(), []]
  for (let before = ''; ;) {
    const path = `/v1/turns?limit=100${before && `&before=${encodeURIComponent(before)}`}`
    const { json } = await sendJson({ url, path, token: stage.token })
    turns.push(...json.items)
    if (json.next_before === null) return turns
    before = json.next_before
  }
}

function checkRead(turn, read, whole) {
  const { end, text, last } = read
  if (!end) return
  if (last !== whole.last_seq) violate(`a reader got ${last} of ${whole.last_seq} replies`)
  if (!isDeepStrictEqual({ ...end, seq: undefined }, { ...whole.reply, seq: undefined }))
    violate('a reader got another end')
  const answer = end.kind === 'final' ? end.content : (end.partial ?? '')
  // The text of an attempt that the death of a server or gateway has cut is not part of a resumed answer.
  if (turn.body.resume ? !text.endsWith(answer) : text !== answer)
    violate(`the joined deltas are not the ${end.kind === 'final' ? 'content' : `partial of ${end.code}`}`)
  if (!turn.body.text.startsWith('tool') && end.kind === 'final') checkContent(turn.body.text, answer)
}

function checkContent(prompt, answer) {
  const [, count] = /stream:(\d+)/.exec(prompt) ?? []
  const expected = count === undefined ? 'Hello world' : 'x '.repeat(Number(count))
  if (answer !== expected) violate(`another answer to ${prompt.split(' #')[0]}`)
}

async function checkTurns() {
  const turns = await listTurns()
  const byTrace = groupByTrace(turns)
  for (const [name, turn] of asked) {
    const found = byTrace.get(name) ?? []
    const isKnown = turn.key !== undefined || turn.ids.size > 0
    if (found.length > 1 || (isKnown && found.length === 0)) violate(`${found.length} turns of one request`)
    if (turn.ids.size > 1) violate('several ids of one key')
    for (const whole of found) {
      if (whole.state !== 'done' || whole.reply === null) violate(`a turn without an end: ${whole.state}`)
      for (const read of turn.reads) checkRead(turn, read, whole)
      const name = whole.reply?.kind === 'error' ? whole.reply.code : whole.reply?.kind
      counts.ends[name] = (counts.ends[name] ?? 0) + 1
      if (name === 'server_unavailable') counts.unavailable.add(whole.reply.error)
      if (name === 'internal') violate(`internal: ${whole.reply.error}`)
      // From the store, also a turn that nobody has read.
      checkRead(turn, await readTurn({ ...world, onReply: () => undefined }, whole.turn_id), whole)
    }
  }
  if (turns.length > asked.size) violate(`${turns.length} turns of ${asked.size} requests`)
}

function groupByTrace(turns) {
  const groups = new Map()
  for (const turn of turns) groups.set(turn.trace_id, [...(groups.get(turn.trace_id) ?? []), turn])
  return groups
}

/** Counts the prompts that came to the fake: a turn without `resume` is never sent twice. */
function checkPrompts() {
  const sent = promptsOf(stage.fake)
  if (sent.size === 0) violate('no prompt came to the fake')
  for (const [name, turn] of asked) {
    const count = sent.get(name) ?? 0
    if (count > 1 && !turn.body.resume) violate(`${count} prompts of one turn`)
    if (count > 1) counts.resumed++
  }
}

function checkStore() {
  const store = new Database(join(stage.dataDir, '.fleet', 'gateway.db'))
  const found = store.prepare('pragma integrity_check').all()
  if (found[0]?.integrity_check !== 'ok') violate(`the store is corrupt: ${JSON.stringify(found)}`)
  const [{ open }] = store.prepare('select count(*) open from turns where ended_at is null').all()
  if (open > 0) violate(`${open} turns of the store have no end`)
  const terminals = store
    .prepare(
      "select turn, count(*) ends from replies, json_each(body) where json_extract(value, '$.kind') in ('final', 'error') group by turn having ends > 1",
    )
    .all()
  if (terminals.length > 0) violate(`${terminals.length} turns of the store have ended twice`)
  store.close()
}

console.log(`seed ${seed}, ${rounds} kills of the gateway, ${agents.length} agents`)
let orphans = []
try {
  await start()
  const talks = range(8).map(converse)
  for (let round = 1; round <= rounds; round++) {
    await dieOnce()
    await start()
    console.log(`kill ${round}: ${counts.turns} turns, ${counts.replies} replies so far`)
  }
  isOver = true
  // Nobody stalls from now on.
  dying.resolve()
  await Promise.all(talks)
  await checkTurns()
  checkPrompts()
  const code = await stage.stop()
  if (code !== 0) violate(`the gateway ended with ${code}`)
  orphans = await orphansLeft(`${stage.dataDir}/`)
  for (const pid of orphans) process.kill(Number(pid), 'SIGKILL')
  checkStore()
} catch (error) {
  violate(`the run has failed: ${error.stack}\n${stage.log}`)
} finally {
  await stage.close()
}

console.log('kills           ', counts.kills)
console.log(
  'turns           ',
  `${counts.turns} asked for with ${counts.posts} posts, ${counts.resumed} resumed`,
)
console.log('ends            ', counts.ends)
for (const error of counts.unavailable) console.log('unavailable     ', error)
console.log('readers         ', `${counts.readers}, joined ${counts.joins} times, ${counts.replies} replies`)
console.log('orphans         ', orphans.length)
for (const [what, times] of violations) console.log('violation       ', `${what} (${times} times)`)
process.exit(orphans.length + violations.size === 0 ? 0 : 1)
