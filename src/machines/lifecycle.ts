import type { SnapshotFrom } from 'xstate'
import type { OpenCodeRuntimeError } from '../errors.ts'
import type { ServerActorRef, serverMachine } from './server-machine.ts'

/** State of the lifecycle. */
export type LifecycleState =
  'idle' | 'configuring' | 'spawning' | 'probing' | 'healthy' | 'reaping' | 'failed'

/**
 * Transitions of the lifecycle: for each state, the states that may follow. A start that no caller needs any
 * more returns to `idle`.
 */
export const lifecycleTransitions = {
  idle: ['configuring'],
  configuring: ['spawning', 'reaping', 'failed', 'idle'],
  spawning: ['probing', 'reaping'],
  probing: ['healthy', 'reaping'],
  healthy: ['reaping'],
  reaping: ['configuring', 'failed', 'idle'],
  failed: ['configuring'],
} as const satisfies Readonly<Record<LifecycleState, readonly LifecycleState[]>>

/** Lifecycle of a server at one moment. */
export interface Lifecycle {
  state: LifecycleState
  /** Time in epoch ms. */
  at: number
  pid?: number
  baseURL?: string
  /** Number of restarts since construction, including restarts for which no process could be prepared. */
  restarts: number
  reason?: string
  error?: OpenCodeRuntimeError
}

/**
 * Returns the lifecycle in a snapshot of the machine, dated now.
 *
 * @param snapshot - A snapshot of the server machine.
 * @returns The lifecycle; `at` is the time of the call.
 */
export function lifecycleOf({ value, context }: SnapshotFrom<typeof serverMachine>): Lifecycle {
  const { pid, baseURL, restarts, reason, error } = context
  return {
    state: stateOf(value),
    at: Date.now(),
    ...(pid !== undefined && { pid }),
    ...(baseURL !== undefined && { baseURL }),
    restarts,
    ...(reason !== undefined && { reason }),
    ...(error && { error }),
  }
}

const stateOf = (value: SnapshotFrom<typeof serverMachine>['value']): LifecycleState =>
  (typeof value === 'string' ? value : Object.keys(value)[0]) as LifecycleState

/**
 * Returns whether a snapshot has the fields of a lifecycle whose changes are emitted. The loss of the pid in
 * `reaping` is not a change of its own.
 */
const isSame = (last: Lifecycle, { value, context }: SnapshotFrom<typeof serverMachine>): boolean =>
  last.state === stateOf(value) &&
  last.restarts === context.restarts &&
  last.reason === context.reason &&
  last.error === context.error

/** Receiver of a machine's lifecycle. */
export interface LifecycleReceiver {
  next: (change: Lifecycle) => void
  complete?: () => void
}

/**
 * Reports the lifecycle of a server machine: the present value at once, then every change, then the end of
 * the actor.
 *
 * @returns a function that stops the reports
 */
export function followLifecycle(actor: ServerActorRef, { next, complete }: LifecycleReceiver): () => void {
  const end = (): void => complete?.()
  let last = lifecycleOf(actor.getSnapshot())
  next(last)
  if (actor.getSnapshot().status !== 'active') {
    end()
    return () => undefined
  }
  const subscription = actor.subscribe({
    next: (snapshot) => {
      // Most snapshots, such as those of turns, change nothing of the lifecycle.
      if (isSame(last, snapshot)) return
      last = lifecycleOf(snapshot)
      next(last)
    },
    complete: end,
    // A parent gets the error anyway. Without this handler, XState would also report it as unhandled.
    ...(actor._parent && { error: end }),
  })
  return () => subscription.unsubscribe()
}
