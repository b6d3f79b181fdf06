import { Observable } from 'rxjs'
import { followLifecycle, type Lifecycle } from '../machines/lifecycle.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'

/**
 * Returns the lifecycle of a server machine: emits the current value on subscription, then every change.
 * Completes when the actor stops.
 *
 * @param actor - The actor of the server machine.
 * @returns An observable that never errors.
 */
export const lifecycle$ = (actor: ServerActorRef): Observable<Lifecycle> =>
  new Observable((subscriber) =>
    followLifecycle(actor, {
      next: (change) => subscriber.next(change),
      complete: () => subscriber.complete(),
    }),
  )
