import { Observable } from 'rxjs'
import type { ServerActorRef } from '../machines/server-machine.ts'
import type { Reply } from '../replies.ts'
import { startTurn, type Turn } from './turn.ts'
import type { TurnInput } from './turn-input.ts'

/**
 * Returns a cold observable: each subscription starts a turn, and unsubscribing cancels it.
 *
 * @internal
 */
export const coldTurn = (start: () => Turn): Observable<Reply> =>
  new Observable((subscriber) => {
    const turn = start()
    const subscription = turn.replies$.subscribe(subscriber)
    return () => {
      subscription.unsubscribe()
      turn.cancel()
    }
  })

/**
 * Returns a cold observable of turns on a server machine, your own or an embedded machine: each subscription
 * runs a turn, and unsubscribing cancels it. Same as `OpenCodeServer.turn$`.
 *
 * @param actor - The actor of the server machine.
 * @param input - The prompt, or all fields of the turn.
 * @returns The replies of a turn per subscription. Never errors.
 *
 * @example
 * import { turn$, type ServerActorRef } from 'opencode-runtime'
 * import { concatMap, from } from 'rxjs'
 *
 * export function greet(opencode: ServerActorRef, names: readonly string[]): void {
 *   const replies$ = from(names).pipe(concatMap((name) => turn$(opencode, `Greet ${name}`)))
 *   replies$.subscribe((reply) => console.log(reply))
 * }
 */
export function turn$(actor: ServerActorRef, input: string | TurnInput): Observable<Reply> {
  return coldTurn(() => startTurn(actor, input))
}
