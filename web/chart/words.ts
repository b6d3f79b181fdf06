import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate'
import { guardName, type Cause } from '../../src/cli/transitions.ts'

/** Delays of the machines that options set, in words. */
const delays: Readonly<Record<string, string>> = {
  startTimeout: 'the start time limit',
  probeInterval: 'the probe interval',
  probeTimeout: 'the probe time limit',
  healthInterval: 'the health interval',
  stopGrace: 'the grace time',
  idleTimeout: 'the idle time',
  drain: 'the drain time limit',
  backoff: 'the wait of a restart',
  streamRetry: 'the wait of a retry',
}

/**
 * Returns the cause of a transition in words.
 *
 * @param hasGuard - true if a condition is shown beside the words
 * @param isAlternative - true if the transition is taken when the conditions of earlier ones do not hold
 */
export function causeInWords(
  machine: AnyStateMachine,
  cause: Cause | undefined,
  hasGuard: boolean,
  isAlternative: boolean,
): string {
  if (!cause) return hasGuard ? '' : isAlternative ? 'otherwise' : 'at once'
  if (cause.kind === 'event') return cause.name
  if (cause.kind === 'actor') return `${cause.name} ${cause.end}`
  return `after ${delayInWords(machine, cause.name)}`
}

function delayInWords(machine: AnyStateMachine, name: string): string {
  const delay: unknown = machine.implementations.delays[name]
  if (typeof delay === 'number') return delay < 1_000 ? `${delay} ms` : `${delay / 1_000} s`
  const words = delays[name]
  if (words === undefined) throw new Error(`web/chart/words.ts has no words for the delay ${name}`)
  return words
}

/**
 * Returns the condition of a transition: the name of its guard. The description of the transition stands for a guard
 * without a name.
 */
export function guardInWords({ guard, description, source }: AnyTransitionDefinition): string | undefined {
  if (guard === undefined) return undefined
  const { names, isWhole } = namesOf(guard)
  if (isWhole) return names.join(' and ')
  if (description === undefined)
    throw new Error(`A transition of ${source.id} has a guard without a name: give it a description`)
  return [...names, description].join(' and ')
}

interface Names {
  names: string[]
  /** False if a part of the condition is a function without a name. */
  isWhole: boolean
}

/** Returns the names in a guard, which may combine others by `and` or `not`. */
function namesOf(guard: unknown): Names {
  const name = guardName(guard)
  if (name !== undefined) return { names: [name], isWhole: true }
  if (typeof guard !== 'function' || !('guards' in guard) || !Array.isArray(guard.guards))
    return { names: [], isWhole: false }
  const parts = guard.guards.map(namesOf)
  const names = parts.flatMap((part) => part.names)
  return {
    names: guard.name === 'not' ? names.map((part) => `not ${part}`) : names,
    isWhole: parts.every((part) => part.isWhole),
  }
}
