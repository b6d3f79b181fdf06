import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import {
  ancestors,
  causeOf,
  everyState,
  nameOf,
  partingOf,
  transitionsOf,
} from '../../src/cli/transitions.ts'
import type { ChartLabel } from '../src/parts/statechart/chart.ts'
import { causeInWords, guardInWords } from './words.ts'

/** Transitions between two children of a frame; from the frame itself if any state in the frame takes them. */
export interface ReadArrow {
  from: string
  to: string
  labels: ChartLabel[]
}

/** State as the machine has it, with the arrows between its children. */
export interface ReadState {
  id: string
  name: string
  type: AnyStateNode['type']
  /** Id of the first child to be entered; `undefined` in a parallel state. */
  initial: string | undefined
  children: readonly ReadState[]
  arrows: readonly ReadArrow[]
}

/** Beginning of the id of a way out of the part that is drawn; the name of the state outside follows. */
export const exit = 'exit '

/** Part of a machine that is read. */
export interface Part {
  /** State whose inside is read; the whole machine by default. */
  inside?: string
  /** Number of levels of states that are read; all by default. */
  depth?: number
}

/**
 * Returns the states of a machine, and each transition at the level of the innermost frame that holds both its ends. A
 * transition that leaves the part ends at a way out, in the frame of its own state.
 */
export function readMachine(machine: AnyStateMachine, { inside, depth = Infinity }: Part = {}): ReadState {
  const root = inside === undefined ? machine.root : machine.root.states[inside]
  if (!root) throw new Error(`The machine has no state ${String(inside)}`)
  const arrows: Arrows = new Map()
  for (const source of everyState(root))
    for (const transition of transitionsOf(source))
      for (const target of transition.target ?? []) {
        const ends = endsOf(root, source, target)
        if (!ends || ends.frame.path.length >= depth) continue
        const { frame, from, to } = ends
        const label = labelOf(machine, source, transition, from, depth)
        addLabel(arrows, frame, { from: nameOf(from), to, labels: [label] })
      }
  return stateOf(root, depth, arrows)
}

type Arrows = Map<AnyStateNode, Map<string, ReadArrow>>

interface Ends {
  frame: AnyStateNode
  from: AnyStateNode
  to: string
}

/** Returns the frame of a transition, and the boxes in it that the transition leaves and enters. */
function endsOf(root: AnyStateNode, source: AnyStateNode, target: AnyStateNode): Ends | undefined {
  const [left, entered] = [ancestors(source), ancestors(target)]
  const parting = partingOf(left, entered)
  const [from, to, inner] = [left[parting], entered[parting], entered[parting + 1]]
  if (!from || !to) throw new Error(`The transition from ${source.id} to ${target.id} leaves the machine`)
  // A transition from a frame into itself is taken by any state in the frame.
  if (from === source && from === to && inner) return { frame: from, from, to: nameOf(inner) }
  const frame = from.parent ?? from
  if (frame.path.length >= root.path.length) return { frame, from, to: nameOf(to) }
  // The drawing of the outermost states shows the transitions of the part itself.
  if (source === root || !source.parent) return undefined
  return { frame: source.parent, from: source, to: `${exit}${to.key}` }
}

function labelOf(
  machine: AnyStateMachine,
  source: AnyStateNode,
  transition: AnyTransitionDefinition,
  from: AnyStateNode,
  depth: number,
): ChartLabel {
  const guard = guardInWords(transition)
  const shown = source.path.slice(from.path.length, depth).join('.')
  return {
    text: causeInWords(
      machine,
      causeOf(source, transition),
      guard !== undefined,
      isAlternative(source, transition),
    ),
    ...(guard !== undefined && { guard }),
    ...(shown !== '' && { source: shown }),
  }
}

/** Returns whether other transitions of the same cause come before a transition. */
const isAlternative = (source: AnyStateNode, transition: AnyTransitionDefinition): boolean => {
  const same = transitionsOf(source).filter(({ eventType }) => eventType === transition.eventType)
  return same.indexOf(transition) > 0
}

function addLabel(all: Arrows, frame: AnyStateNode, arrow: ReadArrow): void {
  const inFrame = all.get(frame) ?? new Map<string, ReadArrow>()
  all.set(frame, inFrame)
  const key = `${arrow.from} ${arrow.to}`
  const known = inFrame.get(key)
  if (!known) return void inFrame.set(key, arrow)
  const [label] = arrow.labels
  const isKnown = known.labels.some((other) => JSON.stringify(other) === JSON.stringify(label))
  if (label && !isKnown) known.labels.push(label)
}

function stateOf(node: AnyStateNode, depth: number, arrows: Arrows): ReadState {
  const first = node.type === 'parallel' ? undefined : node.initial.target[0]
  const isOpen = node.path.length < depth
  return {
    id: nameOf(node),
    name: node.key,
    type: node.type,
    initial: first && nameOf(first),
    children: isOpen ? Object.values(node.states).map((child) => stateOf(child, depth, arrows)) : [],
    arrows: [...(arrows.get(node)?.values() ?? [])],
  }
}
