import type { Runtime } from '../actors/runtime.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'

/**
 * Ends all turns and operations with their actor, also those whose events the actor does not receive: an event that is
 * sent to an actor that stops in the same step is lost.
 *
 * @internal
 */
export function observeEnd(actor: ServerActorRef, runtime: Runtime): void {
  if (runtime.isEndObserved) return
  runtime.isEndObserved = true
  const { secrets } = actor.getSnapshot().context.options
  const endAll = (): void => {
    for (const entry of [...runtime.turns.values(), ...runtime.operations.values()])
      entry.fail({ code: 'cancelled', error: 'The server was closed' }, (text) => secrets.mask(text))
  }
  actor.subscribe({ complete: endAll, error: endAll })
}
