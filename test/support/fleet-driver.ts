import { expect } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import type { Turn } from '../../src/api/turn.ts'
import { isTerminal } from '../../src/replies.ts'
import {
  fleetHappeningOf,
  fleetMomentOf,
  type FleetModel,
  type FleetModelEvent,
} from '../../src/testing/fleet-model.ts'
import type { FleetHappening } from '../../src/testing/fleet-world.ts'
import { simulatedFleet, type SimulatedFleet } from '../../src/testing/simulated-fleet/simulated-fleet.ts'

/** Delay of every restart, in ms. */
const backoffMs = 1

/** Options of the agents: nothing but the model's happenings ends a stage. */
const defaults = {
  proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' },
  models: ['simulated'],
  backoffInitialMs: backoffMs,
  backoffMaxMs: backoffMs,
  maxRestarts: 1_000,
  drainMs: 3_600_000,
  stopGraceMs: 3_600_000,
}

/** Real fleet over simulated servers, with the happenings of the model. */
export class FleetDriver {
  readonly #simulated: SimulatedFleet
  readonly #ids: readonly string[]
  readonly #turns = new Map<string, { turn: Turn; isOpen: boolean }>()
  #changes = 0

  constructor(ids: readonly string[], maxServers: number, maxStarting = 1) {
    this.#ids = ids
    this.#simulated = simulatedFleet({
      agents: ids.map((id) => ({ id })),
      limits: { maxServers, maxStarting },
      defaults,
      script: () => ({ afterMs: Infinity }),
    })
    for (const id of ids)
      Object.assign(this.#simulated.server(id).behaviour, { startMs: Infinity, endMs: Infinity })
  }

  /** Causes an event of the model, and compares the fleet with the model's state afterwards. */
  async step(name: FleetModelEvent, after: SnapshotFrom<FleetModel>): Promise<void> {
    const { happening, agentId } = fleetHappeningOf(name)
    if (agentId === undefined) await this.#simulated.time.advance(backoffMs)
    else this.#happen(happening, agentId)
    await this.#simulated.time.advance()
    expect(this.look()).toEqual(fleetMomentOf(after))
  }

  look() {
    const { fleet, processes } = this.#simulated
    const agents = this.#ids.map((id) => {
      const { state: lifecycle, turns } = fleet.agent(id).status
      const turn = turns.running > 0 ? 'running' : turns.queued > 0 ? 'waiting' : 'none'
      expect(turn !== 'none', `a turn of ${id} is open`).toBe(this.#turns.get(id)?.isOpen === true)
      return [id, { lifecycle, turn }]
    })
    return { alive: processes.now, agents: Object.fromEntries(agents) as object }
  }

  /** Closes the fleet, and asserts that nothing is left. */
  async finish(): Promise<void> {
    const { fleet, time, processes, server } = this.#simulated
    const closing = fleet.close()
    for (const id of this.#ids) server(id).behaviour.endMs = 0
    await time.advance(1_000)
    await closing
    expect([processes.now, time.pending]).toEqual([0, 0])
    expect([...this.#turns.values()].filter(({ isOpen }) => isOpen)).toEqual([])
  }

  #happen(happening: Exclude<FleetHappening, 'cools down'>, id: string): void {
    const { fleet, server } = this.#simulated
    const acts: Record<typeof happening, () => unknown> = {
      turn: () => this.#turn(id),
      cancel: () => this.#turns.get(id)?.turn.cancel(),
      answers: () => server(id).answer(),
      'becomes healthy': () => server(id).listen(),
      crashes: () => server(id).exit(),
      ends: () => server(id).exit(),
      stop: () => fleet.agent(id).stop(),
      change: () => fleet.put({ id, proxy: { apiKey: `another-${++this.#changes}` } }),
    }
    acts[happening]()
  }

  #turn(id: string): void {
    const turn = this.#simulated.fleet.turn(id, 'Go on')
    const open = { turn, isOpen: true }
    this.#turns.set(id, open)
    turn.replies$.subscribe((reply) => {
      expect(open.isOpen, 'no reply follows the last').toBe(true)
      if (isTerminal(reply)) open.isOpen = false
    })
  }
}
