import { createActor } from 'xstate'
import { Fleet, fleetOf } from '../../api/fleet/fleet.ts'
import { fleetMachine } from '../../api/fleet/fleet-machine.ts'
import { serverMachine } from '../../api/server-machine.ts'
import { compileFleetOptions } from '../../config/compiled-fleet.ts'
import type { AgentSpec, FleetOptions } from '../../config/fleet-options.ts'
import { virtualTime, type VirtualTime } from '../virtual-time.ts'
import { simulatedActors } from './actors.ts'
import type { SimulatedScript } from './script.ts'
import { SimulatedServer } from './server.ts'
import { memoryStore } from './store.ts'

/** Options of {@link simulatedFleet}: those of a fleet, all optional, and the behaviour of its servers. */
export interface SimulatedFleetOptions extends Partial<FleetOptions> {
  /**
   * Agents that the fleet knows from the beginning, as from an earlier run.
   *
   * @defaultValue none
   */
  agents?: readonly AgentSpec[]
  /**
   * Replies to the prompts.
   *
   * @defaultValue `ok` after one second
   */
  script?: SimulatedScript
  /**
   * Clock of the fleet.
   *
   * @defaultValue a new {@link virtualTime}
   */
  time?: VirtualTime
}

/** Result of {@link simulatedFleet}. */
export interface SimulatedFleet {
  /** The fleet: the real one, except for its servers and its records. */
  readonly fleet: Fleet
  /** Clock of the fleet, which stands still until `advance`. */
  readonly time: VirtualTime
  /** Number of live processes, and the highest number so far. */
  readonly processes: { readonly now: number; readonly most: number }
  /**
   * Returns the server of an agent.
   *
   * @param agentId - The agent.
   * @returns The server, alive or not.
   */
  readonly server: (agentId: string) => SimulatedServer
}

const usual = {
  dataDir: '/srv/simulated-agents',
  defaults: { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'simulated' }, models: ['simulated'] },
}

/**
 * Returns a fleet whose servers are simulated: without processes, files and models, on a clock that a test advances.
 * Every decision of the fleet is real.
 *
 * @param options - The options of the fleet, its agents, and the replies to prompts.
 * @returns The fleet, its clock, and its servers.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 * @example
 * import assert from 'node:assert/strict'
 * import { simulatedFleet } from 'opencode-runtime/testing'
 *
 * const { fleet, time, server, processes } = simulatedFleet({
 *   agents: [{ id: 'a1' }, { id: 'a2' }],
 *   limits: { maxServers: 1 },
 *   script: ({ agentId }) => `I am ${agentId}`,
 * })
 * const turns = ['a1', 'a2'].map((id) => fleet.turn(id, 'Who are you?'))
 * await time.advance(10_000)
 * assert.equal(await turns[1]?.text(), 'I am a2')
 * assert.equal(processes.most, 1)
 * assert.equal(server('a1').isAlive, false)
 */
export function simulatedFleet(options: SimulatedFleetOptions = {}): SimulatedFleet {
  const { agents = [], script = () => undefined, time = virtualTime(), limits, ...given } = options
  const servers = new Map<string, SimulatedServer>()
  const processes = { now: 0, most: 0 }
  const onProcess = (): void => {
    processes.now = [...servers.values()].filter(({ isAlive }) => isAlive).length
    processes.most = Math.max(processes.most, processes.now)
  }
  const host = { clock: clockFunctions(time), script, onProcess }
  const server = (agentId: string): SimulatedServer => {
    const known = servers.get(agentId) ?? new SimulatedServer(agentId, host)
    servers.set(agentId, known)
    return known
  }
  const input = compileFleetOptions({ ...usual, ...given, limits: { memoryMb: 1_000_000, ...limits } })
  const machine = fleetMachine.provide({
    actors: {
      server: serverMachine.provide({ actors: simulatedActors(server) }),
      store: memoryStore(new Map(agents.map((spec) => [spec.id, spec]))),
    },
  })
  const fleet = fleetOf(createActor(machine, { input, clock: time }).start())
  return { fleet, time, processes, server }
}

const clockFunctions = (time: VirtualTime) => ({
  setTimeout: (act: () => void, ms: number): unknown => time.setTimeout(act, ms),
  clearTimeout: (id: unknown): void => time.clearTimeout(id as number),
  now: (): number => time.now(),
})
