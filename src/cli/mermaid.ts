import type { AnyStateNode, AnyTransitionDefinition } from 'xstate'
import {
  ancestors,
  causeOf,
  everyState,
  guardName,
  nameOf,
  partingOf,
  transitionsOf,
  type Cause,
} from './transitions.ts'

/**
 * Returns a machine as a Mermaid state diagram, with states down to `depth` levels.
 * A transition of a deeper state is shown on the outermost state that it leaves. Its name is its cause: an
 * event, a delay, an actor's end, or a guard alone.
 */
export function mermaid(root: AnyStateNode, depth: number): string {
  const lines = [...statesOf(root, depth, '  '), ...arrows(root, depth).map((arrow) => `  ${arrow}`)]
  return ['stateDiagram-v2', ...lines, ''].join('\n')
}

/** Returns the lines of a state's children at all shown levels, with the initial states. */
function statesOf(node: AnyStateNode, depth: number, indent: string): string[] {
  const first = node.initial.target[0]
  const begin = first && node.type !== 'parallel' ? [`${indent}[*] --> ${idOf(first)}`] : []
  const inner = Object.values(node.states).flatMap((child, i) => [
    ...(node.type === 'parallel' && i > 0 ? [`${indent}--`] : []),
    ...stateOf(child, depth, indent),
  ])
  return [...begin, ...inner]
}

function stateOf(node: AnyStateNode, depth: number, indent: string): string[] {
  const isShownWhole = levelOf(node) < depth && Object.keys(node.states).length > 0
  const label = `${indent}state "${node.key}" as ${idOf(node)}`
  return isShownWhole ? [`${label} {`, ...statesOf(node, depth, `${indent}  `), `${indent}}`] : [label]
}

/** Returns an arrow for each transition that changes a shown state, once for each cause. */
function arrows(root: AnyStateNode, depth: number): string[] {
  const found = everyState(root).flatMap((node) =>
    transitionsOf(node).flatMap((transition) =>
      (transition.target ?? []).flatMap((target) => arrow(node, target, depth, labelOf(node, transition))),
    ),
  )
  return [...new Set(found)]
}

function arrow(source: AnyStateNode, target: AnyStateNode, depth: number, cause: string): string[] {
  const [from, to] = [ancestors(source), ancestors(target)]
  const common = partingOf(from, to)
  const [left, entered] = [from[common], to.slice(0, Math.max(depth, common + 1)).at(-1)]
  if (!left || !entered || common >= depth || (left === entered && source !== target)) return []
  return [`${idOf(left)} --> ${idOf(entered)}: ${cause}`]
}

const levelOf = (node: AnyStateNode): number => node.path.length
const idOf = (node: AnyStateNode): string => nameOf(node, '_')

/** Returns `server.stop [canDrain]`, `after probeTimeout`, `prepare done`, or a guard alone. */
function labelOf(node: AnyStateNode, transition: AnyTransitionDefinition): string {
  const cause = causeOf(node, transition)
  const guard = guardName(transition.guard)
  return [cause && textOf(cause), guard && `[${guard}]`].filter(Boolean).join(' ') || 'always'
}

function textOf(cause: Cause): string {
  if (cause.kind === 'delay') return `after ${cause.name}`
  return cause.kind === 'actor' ? `${cause.name} ${cause.end}` : cause.name
}
