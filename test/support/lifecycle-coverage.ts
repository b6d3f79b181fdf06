import type { SnapshotFrom } from 'xstate'
import { adjacencyMapToArray, createTestModel, type StatePath } from 'xstate/graph'
import { lifecycleTransitions } from '../../src/machines/lifecycle.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'

/** A moment of the model. */
export type Moment = SnapshotFrom<LifecycleModel>

/** A path of the model. */
export type Path = StatePath<Moment, { type: Happening }>

/** What there is to be covered, or was: of a model, and of the real machine. */
export interface Extent {
  happenings: Set<string>
  /** The model's states by their names alone, and what happened in each, by where it led. */
  kinds: Set<string>
  arcs: Set<string>
  /** The same with all that the model knows besides. */
  states: Set<string>
  transitions: Set<string>
  /** How turns ended: see `LifecycleDriver`. */
  ends: Set<string>
  /** The transitions of the lifecycle, each as `from → to`. */
  lifecycle: Set<string>
}

/** What was driven. */
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

/** Nothing yet. */
export const noCoverage = (): Coverage => ({ paths: 0, steps: 0, ...nothing() })

/** The declared transitions of the lifecycle. */
export const declared: readonly string[] = Object.entries(lifecycleTransitions).flatMap(([from, targets]) =>
  targets.map((to) => `${from} → ${to}`),
)

const turnEnds = ['final', 'cancelled', 'server_died', 'server_unavailable'] as const

/** How a turn may end in the model. */
export type TurnEnd = (typeof turnEnds)[number]

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

/** All that there is to be covered. */
export function extentOf(model: LifecycleModel): Extent {
  const extent = { ...nothing(), ends: new Set(turnEnds), lifecycle: new Set(declared) }
  for (const { state, event, nextState } of adjacencyMapToArray(alongStates(model).getAdjacencyMap())) {
    noteState(extent, state)
    noteState(extent, nextState)
    noteTransition(extent, state, event.type, nextState)
  }
  return extent
}

/** Notes that the model was there. */
export function noteState({ kinds, states }: Extent, moment: Moment): void {
  kinds.add(moment.value)
  states.add(momentName(moment))
}

/** Notes what happened there, and where it led. */
export function noteTransition(extent: Extent, before: Moment, happening: Happening, after: Moment): void {
  extent.happenings.add(happening)
  extent.arcs.add(arcName(before, happening, after))
  extent.transitions.add(`${happening} in ${momentName(before)}`)
}

/** What happened between two of the model's states, by their names alone. */
export const arcName = (before: Moment, happening: Happening, after: Moment): string =>
  `${happening} in ${before.value} → ${after.value}`

/** Coverage in one line. */
export function told(coverage: Coverage, extent: Extent): string {
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
