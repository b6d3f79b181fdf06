import type { AgentSpec } from '../../config/fleet-options.ts'
import type { Session } from '../../api/session.ts'
import { Dice } from './dice.ts'
import type { SimulatedReply } from './script.ts'
import type { SimulatedServer } from './server.ts'
import type { WalkedFleet } from './walked-fleet.ts'

const tenants = ['acme', 'beta', 'default'] as const

/** Returns a random reply of a model. */
export const anyReply = (dice: Dice): SimulatedReply => ({
  afterMs: dice.of([0, 200, 1_000, 8_000, Infinity]),
  ...(dice.isTrue(0.1) && { permission: 'bash' }),
})

/** Hands of a walk: what can happen to a fleet, at any moment. */
export class WalkHands {
  readonly #walked: WalkedFleet
  readonly #dice: Dice
  readonly #ids: readonly [string, ...string[]]
  readonly #sessions = new Map<string, Session>()
  readonly #aborts: AbortController[] = []
  /** True when the walk has ended, after which subscribers do nothing more. */
  isOver = false
  /** Number of calls that have not settled. */
  pending = 0

  constructor(walked: WalkedFleet, dice: Dice, ids: readonly [string, ...string[]]) {
    this.#walked = walked
    this.#dice = dice
    this.#ids = ids
  }

  /** Does one random thing, and returns its name. */
  async step(): Promise<string> {
    return this.act() ?? `${await this.#pass()} ms`
  }

  /** Does one random thing that takes no time, and returns its name; `undefined` if time should pass. */
  act(): string | undefined {
    const chance = this.#dice.next()
    let sum = 0
    for (const [name, weight, act] of this.#acts) {
      sum += weight
      if (chance < sum) return `${name} ${act() ?? ''}`.trim()
    }
    return undefined
  }

  /** Things that happen, each with its probability; time passes otherwise. */
  readonly #acts: readonly [name: string, probability: number, act: () => string | undefined][] = [
    ['turn', 0.27, () => this.#turn()],
    ['turns', 0.02, () => this.#turns()],
    ['cancel', 0.05, () => this.#cancel()],
    ['answer', 0.13, () => this.#answer()],
    ['exit', 0.05, () => this.#exit()],
    ['listen', 0.05, () => this.#listen()],
    ['behaviour', 0.07, () => this.#behave()],
    ['ensure', 0.03, () => this.#ensure()],
    ['leave', 0.02, () => this.#leave()],
    ['operation', 0.03, () => this.#await(this.#agent()?.sessions())],
    ['call', 0.03, () => this.#await(this.#session()?.id)],
    ['stop', 0.03, () => this.#await(this.#agent()?.stop(this.#drain()))],
    ['put', 0.04, () => this.#put()],
    ['reconfigure', 0.02, () => this.#await(this.#agent()?.reconfigure(this.#patch()))],
    ['remove', 0.02, () => this.#remove()],
  ]

  #id = (): string => this.#dice.of(this.#ids)
  #drain = () => ({ drainMs: this.#dice.of([0, 0, 3_000]) })
  #patch = () => ({ proxy: { apiKey: `key-${this.#dice.below(1_000)}` } })

  #agent() {
    try {
      return this.#walked.fleet.agent(this.#id())
    } catch {
      return undefined
    }
  }

  #session(): Session | undefined {
    const agent = this.#agent()
    if (!agent) return undefined
    const key = `${agent.id}/${this.#dice.below(3)}`
    const session = this.#sessions.get(key) ?? agent.session()
    this.#sessions.set(key, session)
    return session
  }

  #living(): SimulatedServer | undefined {
    const servers = this.#ids.map((id) => this.#walked.simulated.server(id))
    return this.#dice.any(servers.filter(({ isAlive }) => isAlive))
  }

  #turn(id = this.#id()): string {
    const dice = this.#dice
    const input = {
      text: 'Go on',
      priority: dice.of([5, 5, 5, 0, 9]),
      resume: dice.isTrue(0.2),
      onPermission: 'ask' as const,
      ...(dice.isTrue(0.2) && { deadlineMs: dice.of([0, 500, 5_000]) || 1 }),
    }
    const session = dice.isTrue(0.4) ? this.#session() : undefined
    this.#walked.follow(id, session ? session.turn(input) : this.#walked.fleet.turn(id, input))
    return id
  }

  #exit(): string | undefined {
    const server = this.#living()
    server?.exit()
    return server?.agentId
  }

  #listen(): string | undefined {
    const server = this.#living()
    server?.listen()
    return server?.agentId
  }

  #leave(): undefined {
    this.#dice.any(this.#aborts)?.abort(new Error('The caller left'))
  }

  #turns(): string {
    const id = this.#id()
    for (let i = 0; i < 5; i++) this.#turn(id)
    return id
  }

  #cancel(): undefined {
    this.#dice.any(this.#walked.open)?.turn.cancel()
  }

  #answer(): undefined {
    const [request] = this.#walked.fleet.requests
    if (request) this.#await(this.#walked.fleet.answer(request.request.id, 'once'))
    const server = this.#living()
    server?.answer(this.#dice.any(server.busy))
  }

  #behave(): string {
    const dice = this.#dice
    const server = this.#walked.simulated.server(this.#id())
    const values = {
      startMs: dice.of([0, 500, 2_000, Infinity]),
      endMs: dice.of([0, 0, 1_000, Infinity]),
      memoryMb: dice.of([undefined, 100, 400, 1_500]),
      prepareError: dice.of([undefined, undefined, new Error('no config')]),
      requestMs: dice.of([0, 0, 2_000]),
      isHanging: dice.isTrue(0.1),
    }
    const name = dice.of(Object.keys(values) as [keyof typeof values])
    Object.assign(server.behaviour, { [name]: values[name] })
    return `${server.agentId} ${name}: ${String(values[name])}`
  }

  #ensure(): undefined {
    const abort = new AbortController()
    this.#aborts.push(abort)
    const deadlineMs = this.#dice.of([0, 1_000, 30_000])
    this.#await(this.#agent()?.ensureRunning({ deadlineMs, signal: abort.signal }))
  }

  #put(): string {
    const dice = this.#dice
    const id = this.#id()
    const spec: AgentSpec = { id, tenant: dice.of(tenants) }
    if (dice.isTrue(0.5)) Object.assign(spec, this.#patch())
    if (dice.isTrue(0.3)) spec.maxRunningTurns = 1 + dice.below(4)
    if (dice.isTrue(0.3)) spec.memoryMb = dice.of([50, 600])
    this.#walked.hasLowered = true
    this.#await(this.#walked.fleet.put(spec))
    return JSON.stringify(spec)
  }

  #remove(): string {
    const id = this.#id()
    this.#await(this.#walked.fleet.remove(id, this.#drain()))
    if (this.#dice.isTrue(0.5)) this.#await(this.#walked.fleet.put({ id }))
    return id
  }

  async #pass(): Promise<number> {
    const ms = this.#dice.of([0, 0, 1, 50, 500, 1_000, 3_000, 30_000])
    await this.#walked.simulated.time.advance(ms)
    this.#walked.checkSettled()
    return ms
  }

  #await(call: Promise<unknown> | undefined): undefined {
    if (!call) return
    this.pending++
    const settle = (): void => {
      this.pending--
    }
    call.then(settle, settle)
  }
}
