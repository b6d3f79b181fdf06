import { assign, setup, type SnapshotFrom } from 'xstate'
import type { LifecycleState } from '../machines/lifecycle.ts'
import {
  afterCooling,
  afterHappening,
  lifecycleOfStage,
  type FleetHappening,
  type ModelledAgent,
  type ModelledFleet,
} from './fleet-world.ts'

/** Name of an event of {@link createFleetModel}: what happens, and to which agent. */
export type FleetModelEvent = `${FleetHappening} of ${string}` | 'cools down'

/** Size of the world of {@link createFleetModel}. */
export interface FleetModelOptions {
  /**
   * Ids of the agents.
   *
   * @defaultValue `['a1', 'a2']`
   */
  agents?: readonly string[]
  /**
   * Same as the fleet's `limits.maxServers`.
   *
   * @defaultValue `1`
   */
  maxServers?: number
  /**
   * Same as the fleet's `limits.maxStarting`.
   *
   * @defaultValue `1`
   */
  maxStarting?: number
  /**
   * Happenings to leave out, because the subject cannot or need not have them.
   *
   * @defaultValue none
   */
  without?: readonly FleetHappening[]
}

const happenings: readonly FleetHappening[] = [
  'turn',
  'cancel',
  'answers',
  'becomes healthy',
  'crashes',
  'ends',
  'stop',
  'change',
]

type Change = (fleet: ModelledFleet) => ModelledFleet | undefined

const types = {} as { context: ModelledFleet; events: { type: FleetModelEvent } }

const world = setup({
  types,
  guards: { isPossible: ({ context }, change: Change) => change(context) !== undefined },
  actions: { happen: assign(({ context }, change: Change) => ({ ...change(context) })) },
})

const transitionBy = (change: Change) =>
  ({
    guard: { type: 'isPossible', params: () => change },
    actions: { type: 'happen', params: () => change },
  }) as const

/**
 * Returns an abstract model of what happens to the agents of a fleet, and of the state that each happening leads to,
 * for `createTestModel` of `xstate/graph`. An agent has one open turn at most, and all agents have the same tenant.
 *
 * Nothing passes by itself: a start lasts until `becomes healthy` or `crashes`, a process that must end lives until
 * `ends`, a turn runs until `answers`, and `cools down` is the delay of restarts, which all agents share.
 *
 * @param options - Agents and places of the fleet, and the happenings to leave out.
 * @returns The machine of the model, for `createTestModel`.
 * @example
 * import assert from 'node:assert/strict'
 * import { createFleetModel, fleetMomentOf, fleetStepsOf, type FleetModelEvent } from 'opencode-runtime/testing'
 * import { createTestModel } from 'xstate/graph'
 *
 * const model = createFleetModel({ agents: ['a1', 'a2'], maxServers: 1 })
 * const paths = createTestModel(model).getShortestPaths()
 *
 * export async function walk(happen: (event: FleetModelEvent) => Promise<void>, alive: () => number) {
 *   for (const path of paths)
 *     for (const { type, state } of fleetStepsOf(path)) {
 *       await happen(type)
 *       assert.equal(alive(), fleetMomentOf(state).alive)
 *     }
 * }
 */
export function createFleetModel(options: FleetModelOptions = {}) {
  const { agents = ['a1', 'a2'], maxServers = 1, maxStarting = 1, without = [] } = options
  const left = happenings.filter((happening) => !without.includes(happening))
  const steps = agents.flatMap((id) =>
    left.map((happening): [string, ReturnType<typeof transitionBy>] => [
      `${happening} of ${id}`,
      transitionBy((fleet) => afterHappening(fleet, happening, id)),
    ]),
  )
  return world.createMachine({
    context: {
      places: maxServers,
      starts: maxStarting,
      agents: Object.fromEntries(agents.map((id) => [id, { stage: 'cold', turn: 'none', options: 'new' }])),
      waiting: [],
      admitted: [],
      used: [],
      cooling: [],
    },
    initial: 'open',
    states: {
      open: {
        on: {
          ...Object.fromEntries(steps),
          'cools down': transitionBy(afterCooling),
        },
      },
    },
  })
}

/**
 * Returns the events that are possible in a state of the model.
 *
 * @param state - A snapshot of the model.
 * @returns The events. Any other event changes nothing in the model.
 */
export function possibleFleetEvents(state: SnapshotFrom<FleetModel>): { type: FleetModelEvent }[] {
  const names = Object.keys(state.machine.states['open']?.on ?? {}) as FleetModelEvent[]
  return names.map((type) => ({ type })).filter((event) => state.can(event))
}

/** Step of a path of the model: what happens, and the state that follows. */
export interface FleetModelStep {
  type: FleetModelEvent
  state: SnapshotFrom<FleetModel>
}

/**
 * Returns the steps of a path in which something happens. `createTestModel` also tries events that are not possible.
 *
 * @param path - A path of `createTestModel(createFleetModel())`.
 * @param path.steps - The steps of the path, the first one without an event.
 * @returns The steps, in order.
 */
export function fleetStepsOf({
  steps,
}: {
  steps: readonly { event: { type: string }; state: SnapshotFrom<FleetModel> }[]
}): FleetModelStep[] {
  return steps.slice(1).flatMap(({ event, state }, i) => {
    const type = event.type as FleetModelEvent
    return steps[i]?.state.can({ type }) === true ? [{ type, state }] : []
  })
}

/** Result of {@link createFleetModel}. */
export type FleetModel = ReturnType<typeof createFleetModel>

/** State that the real fleet must have while the model is in a state. */
export interface FleetMoment {
  /** Number of live processes. */
  alive: number
  /** State of each agent: of its lifecycle, and of its open turn. */
  agents: Readonly<Record<string, { lifecycle: LifecycleState; turn: ModelledAgent['turn'] }>>
}

const isAlive = ({ stage }: ModelledAgent): boolean =>
  stage === 'starting' || stage === 'healthy' || stage === 'draining' || stage === 'ending'

/**
 * Returns the state that the real fleet must have while the model is in a state.
 *
 * @param state - A snapshot of the model.
 * @returns The lifecycle and the turn of each agent, and the number of live processes.
 */
export function fleetMomentOf({ context }: Pick<SnapshotFrom<FleetModel>, 'context'>): FleetMoment {
  const agents = Object.entries(context.agents)
  return {
    alive: agents.filter(([, agent]) => isAlive(agent)).length,
    agents: Object.fromEntries(
      agents.map(([id, { stage, turn }]) => [id, { lifecycle: lifecycleOfStage[stage], turn }]),
    ),
  }
}

/**
 * Returns the parts of an event of the model.
 *
 * @param name - Type of the event.
 * @returns What happens, and to which agent; no agent for `cools down`.
 */
export function fleetHappeningOf(
  name: FleetModelEvent,
): { happening: FleetHappening; agentId: string } | { happening: 'cools down'; agentId?: never } {
  const at = name.lastIndexOf(' of ')
  if (at < 0) return { happening: 'cools down' }
  return { happening: name.slice(0, at) as FleetHappening, agentId: name.slice(at + ' of '.length) }
}
