import { Observable } from 'rxjs'
import type { SnapshotFrom } from 'xstate'
import type { OpenCodeRuntimeError } from '../errors.ts'
import type { serverMachine } from '../machines/server-machine.ts'
import type { ServerActorRef } from './turn.ts'

/** A state of the lifecycle. */
export type LifecycleState =
  'idle' | 'configuring' | 'spawning' | 'probing' | 'healthy' | 'reaping' | 'failed'

/** From which state of the lifecycle a server goes to which. A start that nobody wants any more goes back to `idle`. */
export const lifecycleTransitions = {
  idle: ['configuring'],
  configuring: ['spawning', 'reaping', 'failed', 'idle'],
  spawning: ['probing', 'reaping'],
  probing: ['healthy', 'reaping'],
  healthy: ['reaping'],
  reaping: ['configuring', 'failed', 'idle'],
  failed: ['configuring'],
} as const satisfies Readonly<Record<LifecycleState, readonly LifecycleState[]>>

/** Where a server is in its lifecycle. */
export interface Lifecycle {
  state: LifecycleState
  /** Epoch ms. */
  at: number
  pid?: number
  baseURL?: string
  /** Restarts since construction, those included for which no process could be prepared. */
  restarts: number
  reason?: string
  error?: OpenCodeRuntimeError
}

/** A machine's snapshot as a lifecycle, at the present time. */
export function lifecycleOf({ value, context }: SnapshotFrom<typeof serverMachine>): Lifecycle {
  const { pid, baseURL, restarts, reason, error } = context
  const state = (typeof value === 'string' ? value : Object.keys(value)[0]) as LifecycleState
  return {
    state,
    at: Date.now(),
    ...(pid !== undefined && { pid }),
    ...(baseURL !== undefined && { baseURL }),
    restarts,
    ...(reason !== undefined && { reason }),
    ...(error && { error }),
  }
}

/** Compares the fields whose changes are emitted. The loss of the pid in `reaping` is not emitted as a change of its own. */
const isSame = (a: Lifecycle, b: Lifecycle): boolean =>
  a.state === b.state && a.restarts === b.restarts && a.reason === b.reason && a.error === b.error

/** The lifecycle of a server machine: the present one at once, then every change; completes when the actor stops. */
export function lifecycle$(actor: ServerActorRef): Observable<Lifecycle> {
  return new Observable((subscriber) => {
    let last = lifecycleOf(actor.getSnapshot())
    subscriber.next(last)
    if (actor.getSnapshot().status !== 'active') return subscriber.complete()
    const subscription = actor.subscribe({
      next: (snapshot) => {
        const next = lifecycleOf(snapshot)
        if (isSame(last, next)) return
        last = next
        subscriber.next(next)
      },
      complete: () => subscriber.complete(),
      // A parent is told of it; XState would report it as unhandled besides, for our sake.
      ...(actor._parent && { error: () => subscriber.complete() }),
    })
    return () => subscription.unsubscribe()
  })
}
