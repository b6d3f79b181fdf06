import { expect } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { adjacencyMapToArray, createTestModel, type StatePath } from 'xstate/graph'
import { lifecycleTransitions, type LifecycleState } from '../../src/lifecycle.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import { metaOf, type LifecycleModel } from '../../src/testing/lifecycle-model.ts'

/** Where a real server is. */
export interface Sight {
  lifecycle: LifecycleState
  /** Processes that live. */
  alive: number
  /** Turns without a terminal reply. */
  openTurns: number
  /** Restarts that count, where that can be seen. */
  spent?: number
}

/** A real server of which the model's happenings can be made to happen. */
export interface LifecycleDriver {
  /** Each resolves when what follows from it by itself has followed. */
  happen: Record<Happening, () => Promise<void>>
  look: () => Sight
  /** The states that it passed, in order. */
  states: readonly LifecycleState[]
  /** How the turn that ended last did: a terminal reply's `code`, or `final`. */
  lastEnd: () => string | undefined
  /** Throws where an invariant is broken. */
  check: () => void
  /** Ends it, and throws where anything is left. */
  finish: () => Promise<void>
}

/** A moment of the model. */
export type Moment = SnapshotFrom<LifecycleModel>
type Path = StatePath<Moment, { type: Happening }>

/** What was driven: in the model, and in the real machine. */
export interface Coverage {
  paths: number
  steps: number
  states: Set<string>
  transitions: Set<string>
  lifecycle: Set<string>
}

/** Nothing yet. */
export const noCoverage = (): Coverage => ({
  paths: 0,
  steps: 0,
  states: new Set(),
  transitions: new Set(),
  lifecycle: new Set(),
})

/** The declared transitions of the lifecycle, each as `from → to`. */
export const declared: readonly string[] = Object.entries(lifecycleTransitions).flatMap(([from, targets]) =>
  targets.map((to) => `${from} → ${to}`),
)

const momentName = ({ value, context }: Moment): string => `${value} ${JSON.stringify(context)}`

/** A model whose paths go along each of its transitions, also along those that change nothing. */
export const alongTransitions = (model: LifecycleModel) =>
  createTestModel(model, {
    serializeTransition: (_state, event, previous) =>
      event && previous ? `${event.type} in ${momentName(previous)}` : '',
  })

/** A model whose paths go from state to state. */
export const alongStates = (model: LifecycleModel) =>
  createTestModel(model, { serializeTransition: () => '' })

/** What there is to be covered of a model: its states, and its transitions from each. */
export function extentOf(model: LifecycleModel): Pick<Coverage, 'states' | 'transitions'> {
  const { states, transitions } = noCoverage()
  for (const { state, event, nextState } of adjacencyMapToArray(alongStates(model).getAdjacencyMap())) {
    states.add(momentName(state)).add(momentName(nextState))
    transitions.add(`${event.type} in ${momentName(state)}`)
  }
  return { states, transitions }
}

/** Makes one thing happen, and holds the server against the model, before and after. */
export async function step(
  driver: LifecycleDriver,
  before: Moment,
  happening: Happening,
  after: Moment,
): Promise<void> {
  await driver.happen[happening]()
  driver.check()
  const { lifecycle, alive } = metaOf(after)
  const { spent = after.context.spent, ...sight } = driver.look()
  expect({ ...sight, spent }).toEqual({
    lifecycle,
    alive,
    openTurns: after.context.turn ? 1 : 0,
    spent: after.context.spent,
  })
  const end = endOf(before, happening, after)
  if (end !== undefined) expect(driver.lastEnd()).toBe(end)
}

/** How a turn ends by what happens, if one does. */
function endOf(before: Moment, happening: Happening, after: Moment): string | undefined {
  if (happening === 'turn' && !after.context.turn) return 'server_unavailable'
  if (!before.context.turn || after.context.turn) return undefined
  if (happening === 'answers the turn') return 'final'
  if (happening === 'cancel' || happening === 'stop') return 'cancelled'
  return metaOf(before).lifecycle === 'healthy' ? 'server_died' : 'server_unavailable'
}

/** Drives a server along a path, and notes what was covered. */
export async function follow(path: Path, driver: LifecycleDriver, coverage: Coverage): Promise<void> {
  const done: string[] = []
  const [first, ...steps] = path.steps
  let before = first?.state
  if (!before) return
  coverage.states.add(momentName(before))
  try {
    for (const { event, state } of steps) {
      done.push(event.type)
      coverage.transitions.add(`${event.type} in ${momentName(before)}`)
      coverage.states.add(momentName(state))
      await step(driver, before, event.type, state)
      before = state
    }
    await driver.finish()
  } catch (error) {
    throw new Error(`After: ${done.join(', ')}\n${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  coverage.paths++
  coverage.steps += steps.length
  driver.states.slice(1).forEach((to, i) => coverage.lifecycle.add(`${driver.states[i] ?? ''} → ${to}`))
}

/** Coverage in one line. */
export function told(coverage: Coverage, { states, transitions } = coverage): string {
  const share = (a: Set<string>, b: { size: number }) =>
    `${a.size} of ${b.size} (${((100 * a.size) / b.size).toFixed(1)} %)`
  return [
    `${coverage.paths} paths, ${coverage.steps} steps`,
    `model states ${share(coverage.states, states)}`,
    `model transitions ${share(coverage.transitions, transitions)}`,
    `lifecycle transitions ${share(coverage.lifecycle, new Set(declared))}`,
  ].join('; ')
}
