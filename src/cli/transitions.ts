import type { AnyStateNode, AnyTransitionDefinition } from 'xstate'

/** Returns a state and all states in it. */
export const everyState = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(everyState),
]

/** Returns the transitions of a state, also those without an event. */
export const transitionsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
]

/** Returns the path from the outermost state below the root to the state itself. */
export const ancestors = (node: AnyStateNode): AnyStateNode[] =>
  node.parent ? [...ancestors(node.parent), node] : []

/** Returns the name of a state in its machine, such as `healthy.stream`, with another separator if given. */
export const nameOf = (node: AnyStateNode, separator = '.'): string => node.path.join(separator)

/**
 * Returns the index at which two paths part. A transition to a descendant, to an ancestor, or to the state itself parts
 * at the outer one of the two states.
 */
export function partingOf(from: readonly AnyStateNode[], to: readonly AnyStateNode[]): number {
  return Math.min(from.findIndex((node, i) => node !== to[i]) >>> 0, from.length - 1, to.length - 1)
}

/** Cause of an event: its type, the end of a named delay, or the end of an actor. */
export type Cause =
  | { kind: 'event'; name: string }
  | { kind: 'delay'; name: string }
  | { kind: 'actor'; name: string; end: 'done' | 'failed' }

/** Returns the cause of a transition; `undefined` for a transition that only its guard causes. */
export function causeOf(node: AnyStateNode, { eventType }: AnyTransitionDefinition): Cause | undefined {
  const type = String(eventType)
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(type) ?? []
  if (delay !== undefined) return { kind: 'delay', name: delay }
  const [, end, id] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(type) ?? []
  if (end === undefined) return type === '' ? undefined : { kind: 'event', name: type }
  const invoked = node.invoke.find((actor) => actor.id === id)?.src
  const name = typeof invoked === 'string' ? invoked : (id ?? '')
  return { kind: 'actor', name, end: end === 'done' ? 'done' : 'failed' }
}

/** Returns the name of a guard; `undefined` for a transition without a guard, or with a guard without a name. */
export function guardName(guard: unknown): string | undefined {
  if (typeof guard === 'string') return guard
  return typeof guard === 'object' && guard !== null && 'type' in guard ? String(guard.type) : undefined
}
