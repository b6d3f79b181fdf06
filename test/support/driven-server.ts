import { setTimeout as sleep } from 'node:timers/promises'
import { createActor, fromPromise, type InspectionEvent } from 'xstate'
import type { MemoryReading } from '../../src/actors/server/memory.ts'
import { runtimeOf } from '../../src/actors/runtime.ts'
import { treeResidentMb } from '../../src/io/process/memory.ts'
import { lifecycleOf, lifecycleTransitions, type LifecycleState } from '../../src/machines/lifecycle.ts'
import { serverMachine } from '../../src/machines/server-machine.ts'
import { compileOptions, type OpenCodeServerOptions } from '../../src/config/options.ts'
import { virtualTime } from '../../src/testing/virtual-time.ts'
import { AskingTurn } from './asking-turn.ts'
import { hold, letGo, spawnsOf } from './held-process.ts'

/** Interval in ms at which the clock follows real time. */
const paceMs = 5
/** Most ms of one interval: the process has made no progress either while the machine stood still. */
const mostStepMs = 50

/**
 * Driver of the real machine with its real actors. The process is stopped (SIGSTOP) while nothing may happen by itself: from the spawn
 * until the process may become healthy, and from before the first signal until its end. The machine's clock follows real
 * time only while the process or its answer is awaited.
 */
export class DrivenServer {
  readonly clock = virtualTime()
  readonly options
  readonly actor
  readonly turns: AskingTurn[] = []
  /** States of the lifecycle, in order. */
  readonly states: LifecycleState[] = ['idle']
  /** Violations of rules. */
  readonly wrong: string[] = []
  readonly baseURLs = new Set<string>()
  /** Memory that is added to the process's real memory, in MiB. */
  ballastMb = 0
  /** Time at which the host last let a long time pass, in ms of the clock. */
  longAgo = 0
  readonly #patienceMs: number
  #held: number | undefined

  /** @param patienceMs - time limit of a step in real ms */
  constructor(options: OpenCodeServerOptions, patienceMs: number) {
    this.options = compileOptions(options)
    this.#patienceMs = patienceMs
    const machine = serverMachine.provide({ actors: { memory: fromPromise(() => this.#weigh()) } })
    this.actor = createActor(machine, {
      input: this.options,
      clock: this.clock,
      inspect: (event) => this.#onInspection(event),
    })
    this.actor.subscribe(() => this.#look())
    this.actor.start()
  }

  get state(): LifecycleState {
    return lifecycleOf(this.actor.getSnapshot()).state
  }

  get pid(): number | undefined {
    return this.actor.getSnapshot().context.pid
  }

  get openTurns(): AskingTurn[] {
    return this.turns.filter(({ isOpen }) => isOpen)
  }

  /** Stops the current process, if any. */
  hold(): void {
    this.#held = this.pid
    if (this.#held !== undefined) hold(this.#held)
  }

  letGo(): void {
    if (this.#held !== undefined) letGo(this.#held)
    this.#held = undefined
  }

  turn(): void {
    this.turns.push(new AskingTurn(this.actor))
  }

  /** Advances the clock, and waits in between for answers of the process. */
  elapse(ms: number): Promise<void> {
    return this.clock.advance(ms, () => this.rest())
  }

  /** Waits in real time until `isOver`, and until nothing more happens by itself. */
  async rest(isOver = (): boolean => true): Promise<void> {
    const begin = performance.now()
    let last = begin
    await this.clock.advance()
    while (!(isOver() && this.#isAtRest())) {
      await sleep(paceMs)
      const ms = Math.floor(performance.now() - last)
      last += ms
      await this.clock.advance(Math.min(ms, mostStepMs))
      if (performance.now() - begin > this.#patienceMs)
        throw new Error(`The server did not come to rest: ${JSON.stringify(this.actor.getSnapshot().value)}`)
    }
    await runtimeOf(this.actor.getSnapshot().context.runtime).preparing
  }

  #isAtRest(): boolean {
    const snapshot = this.actor.getSnapshot()
    const { context } = snapshot
    if (!this.#areTurnsAtRest()) return false
    if (snapshot.matches('probing')) return this.#held === context.pid
    if (snapshot.matches('healthy')) {
      const isWatched = snapshot.matches({
        healthy: { healthCheck: 'waiting', stream: { reading: 'listening' }, warmUp: 'done' },
      })
      return isWatched && (snapshot.matches({ healthy: { service: 'open' } }) || context.running.length > 0)
    }
    // The first restart after a healthy spell is immediate.
    if (snapshot.matches({ reaping: 'coolingDown' })) return !context.wasHealthy
    return (
      snapshot.matches('idle') || snapshot.matches('failed') || snapshot.matches({ reaping: 'terminating' })
    )
  }

  /** Returns whether each turn is done, waits for the server, or waits for its answer. */
  #areTurnsAtRest(): boolean {
    const { waiting, running } = this.actor.getSnapshot().context
    const open = new Map(this.openTurns.map((asking) => [asking.turn.id, asking]))
    return (
      [...waiting].every(({ turnId }) => open.has(turnId)) &&
      running.every(({ turnId }) => open.get(turnId)?.isAsking) &&
      open.size === waiting.length + running.length
    )
  }

  #look(): void {
    const { state, baseURL } = lifecycleOf(this.actor.getSnapshot())
    const last = this.states.at(-1) ?? 'idle'
    if (baseURL !== undefined) this.baseURLs.add(baseURL)
    if (state === last) return
    this.states.push(state)
    if (!(lifecycleTransitions[last] as readonly LifecycleState[]).includes(state))
      this.wrong.push(`not declared: ${this.states.join(' → ')}`)
    // No process of a spawn may be left when the next spawn starts.
    const most = ['idle', 'configuring', 'failed'].includes(state) ? 0 : 1
    const { length } = spawnsOf(this.options.values.home)
    if (length > most) this.wrong.push(`${length} spawns live while ${state}`)
    if (state === 'probing') this.hold()
  }

  #onInspection(event: InspectionEvent): void {
    if (event.type === '@xstate.event' && event.event.type === 'process.signal') this.hold()
  }

  async #weigh(): Promise<MemoryReading> {
    const residentMb = this.pid === undefined ? undefined : await treeResidentMb(this.pid, '')
    if (residentMb === undefined) throw new Error('the memory of the process cannot be read')
    return { residentMb: residentMb + this.ballastMb }
  }
}
