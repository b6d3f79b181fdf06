import { keyOf, type AgentKey, type Register } from '../../src/cluster/store/cluster-store.ts'
import { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import type { HostRecord } from '../../src/cluster/store/records.ts'
import { Dice } from '../../src/testing/simulated-fleet/dice.ts'
import { auditTurn } from './cluster-audit.ts'
import { sentTurn } from './cluster-facts.ts'
import { leaseMs, scriptedHost, type ScriptedHost } from './scripted-host.ts'
import type { ScriptedTurn } from './scripted-agents.ts'
import { SteppedClock } from './stepped-clock.ts'

const agents: AgentKey[] = ['acme.a1', 'acme.a2', 'acme.a3', 'blue.b1', 'blue.b2'].map((key) => {
  const [tenant = '', agentId = ''] = key.split('.')
  return { tenant, agentId }
})
const [anyAgent = { tenant: '', agentId: '' }] = agents

/** Host of a walk, with the time at which its last acknowledged renewal was sent. */
interface WalkedHost {
  readonly host: ScriptedHost
  readonly goodSince: () => number
  isPaused: boolean
  isDead: boolean
}

/** Summary of a walk. */
export interface ClusterWalk {
  turns: number
  /** Number of turns by their ends. */
  ends: Record<string, number>
  /** Number of turns that had several owners. */
  moved: number
  fences: number
}

/** Several hosts over one store in memory, to which anything may happen at any moment. */
class Walk {
  readonly clock = new SteppedClock()
  readonly cluster = new MemoryCluster(() => this.clock.now())
  readonly dice: Dice
  readonly hosts: WalkedHost[] = []
  readonly steps: string[] = []
  readonly turns = new Map<string, AgentKey>()
  readonly #caller = this.cluster.connect()
  readonly #maxAgents: number
  /** Most running turns of the tenant `acme` over all hosts. */
  readonly #cap: number | undefined
  readonly #rebalances: boolean
  fences = 0
  isOver = false

  constructor(seed: number) {
    this.dice = new Dice(seed)
    this.#maxAgents = this.dice.of([1, 2, 100])
    this.#cap = this.dice.of([undefined, 1, 2])
    this.#rebalances = this.dice.isTrue(0.5)
    const count = 2 + this.dice.below(2)
    for (let i = 0; i < count; i++) this.start(`h${i + 1}`)
  }

  start(id: string): void {
    const { clock, cluster } = this
    const idleMs = this.dice.of([2_000, 600_000])
    const caps = this.#cap === undefined ? {} : { acme: this.#cap }
    const host = scriptedHost({ cluster, clock }, id, agents, {
      ...{ maxAgents: this.#maxAgents, idleMs, caps },
      rebalances: this.#rebalances,
    })
    host.runner.onTurn = (turn) => {
      turn.session(`ses_${turn.input.turnId ?? ''}`)
      if (this.isOver) turn.finish()
    }
    host.actor.subscribe(({ value }) => {
      if (value === 'fenced') this.fences++
    })
    this.hosts.push({ host, goodSince: followRenewals(host, clock), isPaused: false, isDead: false })
  }

  get alive(): WalkedHost[] {
    return this.hosts.filter(({ isDead }) => !isDead)
  }

  get runningTurns(): ScriptedTurn[] {
    return this.hosts
      .filter(({ isPaused, isDead }) => !isPaused && !isDead)
      .flatMap(({ host }) => host.runner.running)
  }

  async step(): Promise<void> {
    const { dice } = this
    const act = dice.of(acts)
    this.steps.push(`${this.clock.now()} ${await act(this)}`)
    const ms = dice.of([0, 1, 10, 50, 200, 1_000, leaseMs / 2])
    for (let passed = 0; passed < ms; passed += 50) await this.advance(Math.min(50, ms - passed))
    await this.advance(0)
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    this.check()
  }

  async send(): Promise<string> {
    const { dice } = this
    const agent = dice.any(agents) ?? anyAgent
    const isAgain = dice.isTrue(0.1) && this.turns.size > 0
    const turnId = isAgain ? (dice.any([...this.turns.keys()]) ?? '') : `t${this.turns.size + 1}`
    const to = this.turns.get(turnId) ?? agent
    this.turns.set(turnId, to)
    const turn = sentTurn(turnId, {
      ...(dice.isTrue(0.5) && { conversation: 'c' }),
      input: { text: 'Hi', ...(dice.isTrue(0.4) && { resume: true }) },
      deadlineMs: dice.of([null, null, 3_000, 60_000]),
    })
    await this.#caller.inbox.add(to, turnId, { type: 'turn', turn }).catch(() => this.turns.delete(turnId))
    return `send ${turnId} to ${keyOf(to)}`
  }

  async cancel(): Promise<string> {
    const [turnId, agent] = this.dice.any([...this.turns]) ?? []
    if (turnId !== undefined && agent) await this.#caller.inbox.add(agent, turnId, { type: 'cancel' })
    return `cancel ${turnId ?? ''}`
  }

  /** Checks what must hold at each moment. */
  check(): void {
    const problems: string[] = []
    for (const [turnId, agent] of this.turns) {
      const batches = this.cluster.records.turns.get(`${keyOf(agent)}.${turnId}`) ?? []
      problems.push(...auditTurn(batches).problems.map((problem) => `${turnId}: ${problem}`))
    }
    const active = this.hosts.filter(({ isPaused, isDead }) => !isPaused && !isDead)
    for (const { host, goodSince } of active) {
      const age = this.clock.now() - goodSince()
      const works = host.runner.opened.size + host.runner.running.length
      if (age > leaseMs * 0.8 && works > 0)
        problems.push(`${host.id} works ${age} ms after its last good renewal`)
    }
    const capped = active.flatMap(({ host }) =>
      host.runner.running.filter(({ agent }) => agent.tenant === 'acme'),
    )
    if (capped.length > (this.#cap ?? Infinity)) problems.push(`${capped.length} turns of acme run`)
    for (const agent of agents) {
      const owners = active.filter(({ host }) => host.runner.opened.has(keyOf(agent)))
      if (owners.length > 1)
        problems.push(`${keyOf(agent)} runs on ${owners.map(({ host }) => host.id).join()}`)
    }
    if (problems.length > 0) throw new Error(`${problems.join('; ')}\nsteps:\n${this.steps.join('\n')}`)
  }

  /** Lets everything become good, and checks that each turn has its end. */
  async comeToRest(): Promise<ClusterWalk> {
    this.isOver = true
    for (const walked of this.alive) resume(walked, true)
    this.start('last')
    for (const { host } of this.alive) {
      host.link.losesAnswers = false
      host.link.mend()
    }
    for (let i = 0; i < 12 * 20; i++) {
      for (const turn of this.runningTurns) turn.finish()
      await this.advance(leaseMs / 20)
    }
    const ends: Record<string, number> = {}
    let moved = 0
    for (const [turnId, agent] of this.turns) {
      const audited = auditTurn(this.cluster.records.turns.get(`${keyOf(agent)}.${turnId}`) ?? [])
      if (audited.owners > 1) moved++
      const [end] = audited.ends
      if (!end) throw new Error(`${turnId} of ${keyOf(agent)} has no end\nsteps:\n${this.steps.join('\n')}`)
      const code = end.kind === 'error' ? end.code : end.kind
      ends[code] = (ends[code] ?? 0) + 1
    }
    const left = this.cluster.mail.mails.filter(({ message }) => message.type === 'turn')
    if (left.length > 0) throw new Error(`left in the inbox: ${left.map(({ turnId }) => turnId).join()}`)
    for (const { host } of this.alive) host.actor.stop()
    return { turns: this.turns.size, ends, moved, fences: this.fences }
  }
}

/** Follows the renewals of a host as its store sees them. Returns the time at which the last good one was sent. */
function followRenewals(host: ScriptedHost, clock: SteppedClock): () => number {
  const hosts = host.store.hosts as { -readonly [K in keyof Register<HostRecord>]: Register<HostRecord>[K] }
  const sentAt = new Map<string, number>()
  let good = -Infinity
  const nameOf = ({ incarnation, beat }: HostRecord): string => `${incarnation}.${beat}`
  const set = hosts.set.bind(hosts)
  const get = hosts.get.bind(hosts)
  hosts.set = async (key, value, revision, timeoutMs) => {
    sentAt.set(nameOf(value), clock.now())
    const done = await set(key, value, revision, timeoutMs)
    good = Math.max(good, sentAt.get(nameOf(value)) ?? good)
    return done
  }
  hosts.get = async (key) => {
    const entry = await get(key)
    if (key === host.id && entry) good = Math.max(good, sentAt.get(nameOf(entry.value)) ?? good)
    return entry
  }
  return () => good
}

function resume(walked: WalkedHost, isLinkFirst: boolean): void {
  if (!walked.isPaused) return
  walked.isPaused = false
  if (isLinkFirst) walked.host.link.mend()
  walked.host.clock.resume()
  walked.host.link.mend()
}

type Act = (walk: Walk) => string | Promise<string>

/** Returns an act on a random host that is alive. */
const onHost =
  (name: string, act: (walked: WalkedHost, walk: Walk) => void): Act =>
  (walk) => {
    const walked = walk.dice.any(walk.alive)
    if (walked) act(walked, walk)
    return `${name} ${walked?.host.id ?? ''}`
  }

/** Returns an act on a random running turn. */
const onTurn =
  (name: string, act: (turn: ScriptedTurn) => void): Act =>
  (walk) => {
    const turn = walk.dice.any(walk.runningTurns)
    if (turn) act(turn)
    return `${name} ${turn?.input.turnId ?? ''}`
  }

const send: Act = (walk) => walk.send()
const acts: [Act, ...Act[]] = [
  send,
  send,
  send,
  (walk) => walk.cancel(),
  onTurn('delta', (turn) => turn.delta('x')),
  onTurn('delta', (turn) => turn.delta('y')),
  onTurn('tool', (turn) => turn.tool()),
  onTurn('ask', (turn) => turn.ask(`r${turn.text.length}`)),
  onTurn('finish', (turn) => turn.finish()),
  onTurn('finish', (turn) => turn.finish()),
  onHost('cut', ({ host, isPaused }) => {
    if (!isPaused) host.link.cut()
  }),
  onHost('mend', ({ host, isPaused }) => {
    if (!isPaused) host.link.mend()
  }),
  onHost('mend', ({ host, isPaused }) => {
    if (!isPaused) host.link.mend()
  }),
  onHost('lose answers', ({ host }) => (host.link.losesAnswers = true)),
  onHost('answers', ({ host }) => (host.link.losesAnswers = false)),
  onHost('answers', ({ host }) => (host.link.losesAnswers = false)),
  onHost('pause', (walked) => {
    walked.isPaused = true
    walked.host.clock.isPaused = true
    walked.host.link.cut()
  }),
  onHost('resume', (walked, { dice }) => resume(walked, dice.isTrue(0.5))),
  onHost('resume', (walked, { dice }) => resume(walked, dice.isTrue(0.5))),
  onHost('kill', (walked, walk) => {
    walked.isDead = true
    walked.host.link.cut()
    walked.host.actor.stop()
    walk.start(walk.dice.isTrue(0.5) ? walked.host.id : `h${walk.hosts.length + 1}`)
  }),
  onHost('drain', (walked, walk) => {
    if (walked.host.state === 'left') walked.isDead = true
    else walked.host.drain(walk.dice.of([0, 1_000]))
    if (walk.alive.every(({ host }) => host.state === 'left')) walk.start(`h${walk.hosts.length + 1}`)
  }),
]

/** Lets random things happen to several hosts of one cluster, and checks what must hold. The same seed repeats a walk. */
export async function walkCluster(seed: number, steps: number): Promise<ClusterWalk> {
  const walk = new Walk(seed)
  try {
    await walk.advance(0)
    for (let i = 0; i < steps; i++) await walk.step()
    return await walk.comeToRest()
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}
