import type { SnapshotFrom } from 'xstate'
import { adjacencyMapToArray, createTestModel, type StatePath } from 'xstate/graph'
import { lifecycleTransitions } from '../../src/machines/lifecycle.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'

/** State of the model. */
export type Moment = SnapshotFrom<LifecycleModel>

/** Path of the model. */
export type Path = StatePath<Moment, { type: Happening }>

/** Extent of a model and of the real machine, to be covered or covered. */
export interface Extent {
  happenings: Set<string>
  /** Names of the model's states; `arcs` are the happenings in each, by target. */
  kinds: Set<string>
  arcs: Set<string>
  /** States and transitions with the whole context of the model. */
  states: Set<string>
  transitions: Set<string>
  /** Ends of turns: see `LifecycleDriver`. */
  ends: Set<string>
  /** Transitions of the lifecycle, each as `from → to`. */
  lifecycle: Set<string>
}

/** Coverage of the driven paths. */
export interface Coverage extends Extent {
  paths: number
  steps: number
}

const nothing = (): Extent => ({
  happenings: new Set(),
  kinds: new Set(),
  arcs: new Set(),
  states: new Set(),
  transitions: new Set(),
  ends: new Set(),
  lifecycle: new Set(),
})

/** Returns an empty coverage. */
export const noCoverage = (): Coverage => ({ paths: 0, steps: 0, ...nothing() })

/** Declared transitions of the lifecycle. */
export const declared: readonly string[] = Object.entries(lifecycleTransitions).flatMap(([from, targets]) =>
  targets.map((to) => `${from} → ${to}`),
)

const turnEnds = ['final', 'cancelled', 'server_died', 'server_unavailable'] as const

/** End of a turn in the model. */
export type TurnEnd = (typeof turnEnds)[number]

const momentName = ({ value, context }: Moment): string => `${value} ${JSON.stringify(context)}`

/** Returns a test model with paths along each transition, including transitions without a change. */
export const alongTransitions = (model: LifecycleModel) =>
  createTestModel(model, {
    serializeTransition: (_state, event, previous) =>
      event && previous ? `${event.type} in ${momentName(previous)}` : '',
  })

/** Returns a test model with paths to each state. */
export const alongStates = (model: LifecycleModel) =>
  createTestModel(model, { serializeTransition: () => '' })

/** Returns everything that can be covered. */
export function extentOf(model: LifecycleModel): Extent {
  const extent = { ...nothing(), ends: new Set(turnEnds), lifecycle: new Set(declared) }
  for (const { state, event, nextState } of adjacencyMapToArray(alongStates(model).getAdjacencyMap())) {
    noteState(extent, state)
    noteState(extent, nextState)
    noteTransition(extent, state, event.type, nextState)
  }
  return extent
}

/** Records a state of the model. */
export function noteState({ kinds, states }: Extent, moment: Moment): void {
  kinds.add(moment.value)
  states.add(momentName(moment))
}

/** Records a happening and its target. */
export function noteTransition(extent: Extent, before: Moment, happening: Happening, after: Moment): void {
  extent.happenings.add(happening)
  extent.arcs.add(arcName(before, happening, after))
  extent.transitions.add(`${happening} in ${momentName(before)}`)
}

/** Returns the name of a happening between two kinds of states. */
export const arcName = (before: Moment, happening: Happening, after: Moment): string =>
  `${happening} in ${before.value} → ${after.value}`

/** Returns the coverage in one line. */
export function summaryOf(coverage: Coverage, extent: Extent): string {
  const share = (what: keyof Extent) => {
    const [a, b] = [coverage[what].size, extent[what].size]
    return `${a} of ${b} (${((100 * a) / b).toFixed(1)} %)`
  }
  return [
    `${coverage.paths} paths, ${coverage.steps} steps`,
    `happenings ${share('happenings')}`,
    `kinds of model states ${share('kinds')}`,
    `arcs between them ${share('arcs')}`,
    `model states ${share('states')}`,
    `model transitions ${share('transitions')}`,
    `ends of turns ${share('ends')}`,
    `lifecycle transitions ${share('lifecycle')}`,
  ].join('; ')
}
