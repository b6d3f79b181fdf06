import { expect } from 'vitest'
import type { LifecycleState } from '../../src/machines/lifecycle.ts'
import type { Reply } from '../../src/replies.ts'
import type { Happening } from '../../src/testing/happenings.ts'
import { metaOf } from '../../src/testing/lifecycle-model.ts'
import {
  noteState,
  noteTransition,
  type Coverage,
  type Moment,
  type Path,
  type TurnEnd,
} from './lifecycle-coverage.ts'

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

/** How the last turn that ended did: see {@link LifecycleDriver}. */
export function lastEndOf(turns: readonly { replies: readonly Reply[] }[]): string | undefined {
  const last = turns.at(-1)?.replies.at(-1)
  return last?.kind === 'error' ? last.code : last?.kind
}

/** Makes one thing happen, and holds the server against the model, before and after. Gives the end of a turn, if one ended. */
export async function step(
  driver: LifecycleDriver,
  before: Moment,
  happening: Happening,
  after: Moment,
): Promise<TurnEnd | undefined> {
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
  return end
}

/** How a turn ends by what happens, if one does. */
function endOf(before: Moment, happening: Happening, after: Moment): TurnEnd | undefined {
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
  noteState(coverage, before)
  try {
    for (const { event, state } of steps) {
      done.push(event.type)
      noteTransition(coverage, before, event.type, state)
      noteState(coverage, state)
      const end = await step(driver, before, event.type, state)
      if (end) coverage.ends.add(end)
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
