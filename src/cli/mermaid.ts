import type { AnyStateNode, AnyTransitionDefinition } from 'xstate'

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
  const begin = first && node.type !== 'parallel' ? [`${indent}[*] --> ${nameOf(first)}`] : []
  const inner = Object.values(node.states).flatMap((child, i) => [
    ...(node.type === 'parallel' && i > 0 ? [`${indent}--`] : []),
    ...stateOf(child, depth, indent),
  ])
  return [...begin, ...inner]
}

function stateOf(node: AnyStateNode, depth: number, indent: string): string[] {
  const isShownWhole = levelOf(node) < depth && Object.keys(node.states).length > 0
  const label = `${indent}state "${node.key}" as ${nameOf(node)}`
  return isShownWhole ? [`${label} {`, ...statesOf(node, depth, `${indent}  `), `${indent}}`] : [label]
}

/** Returns an arrow for each transition that changes a shown state, once for each cause. */
function arrows(root: AnyStateNode, depth: number): string[] {
  const found = everyState(root).flatMap((node) =>
    transitionsOf(node).flatMap((transition) =>
      (transition.target ?? []).flatMap((target) => arrow(node, target, depth, causeOf(node, transition))),
    ),
  )
  return [...new Set(found)]
}

function arrow(source: AnyStateNode, target: AnyStateNode, depth: number, cause: string): string[] {
  const [from, to] = [ancestors(source), ancestors(target)]
  // Index at which the paths part. A transition to a descendant, or to the state itself, parts at the state
  // itself.
  const common = Math.min(from.findIndex((node, i) => node !== to[i]) >>> 0, from.length - 1, to.length - 1)
  const [left, entered] = [from[common], to.slice(0, Math.max(depth, common + 1)).at(-1)]
  if (!left || !entered || common >= depth || (left === entered && source !== target)) return []
  return [`${nameOf(left)} --> ${nameOf(entered)}: ${cause}`]
}

/** Returns the path from the outermost state below the root to the state itself. */
const ancestors = (node: AnyStateNode): AnyStateNode[] =>
  node.parent ? [...ancestors(node.parent), node] : []

const everyState = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(everyState),
]

const transitionsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
]

const levelOf = (node: AnyStateNode): number => node.path.length
const nameOf = (node: AnyStateNode): string => node.path.join('_')

/** Returns `server.stop [canDrain]`, `after probeTimeout`, `prepare done`, or a guard alone. */
function causeOf(node: AnyStateNode, { eventType, guard }: AnyTransitionDefinition): string {
  const name = guardName(guard)
  return [eventName(node, String(eventType)), name && `[${name}]`].filter(Boolean).join(' ') || 'always'
}

function eventName(node: AnyStateNode, type: string): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(type) ?? []
  if (delay !== undefined) return `after ${delay}`
  const [, end, id] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type) ?? []
  if (end === undefined) return type
  const invoked = node.invoke.find((actor) => actor.id === id)?.src
  return `${typeof invoked === 'string' ? invoked : (id ?? '')} ${end === 'done' ? 'done' : 'failed'}`
}

function guardName(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard
  return typeof guard === 'object' && guard !== null && 'type' in guard ? String(guard.type) : undefined
}
