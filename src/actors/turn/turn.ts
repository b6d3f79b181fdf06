import { fromCallback, type EventObject } from 'xstate'
import type { Reply } from '../../replies.ts'
import { clockOf } from '../clock.ts'
import { OperationRun } from '../session/operation-run.ts'
import { Operation } from '../session/operation.ts'
import type { TurnCause } from './refusal.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import { TurnRun } from './turn-run.ts'

/** Input of a turn's actor: the id of the turn, whose record is kept beside the machine. */
export interface TurnActorInput extends ServerInput {
  turnId: string
}

/** Events that a turn's actor receives. */
export type TurnActorEvent =
  /** Ends the turn, and aborts its work on the server. */
  | { type: 'turn.end'; cause: TurnCause }
  /** Ends the turn, or suspends it if it may and can be sent again, because its server and its work are gone. */
  | { type: 'turn.serverGone'; cause: TurnCause; mayResume: boolean }

/**
 * Events that a turn's actor sends to its machine: the turn has emitted its terminal reply and nothing of it
 * runs on the server; or the server died, and the turn can be sent again to the next server.
 *
 * @remarks The events have one type for all turns, and replace the actor's own done event, because XState
 * 5.33 caches the lookup of each `xstate.done.actor.<id>` without limit.
 */
export type TurnFact =
  { type: 'turn.ended'; turnId: string } | { type: 'turn.suspended'; turnId: string; conversationId: string }

/** Event that a turn's actor emits for each reply: `child.on('turn.reply', ({ reply }) => …)`. */
export interface TurnActorEmitted extends EventObject {
  type: 'turn.reply'
  reply: Reply
}

/**
 * Actor logic of an admitted turn, or of an operation of a session. A turn emits each reply as a `turn.reply` event, the terminal reply last. A waiting
 * turn has no actor, and a turn that is sent again after the death of its server gets another one: subscribe to
 * `turn.replies$` to see all replies of a turn.
 *
 * @remarks The actor never errors. When stopped from outside, the actor emits its `cancelled` reply
 * immediately.
 *
 * @example
 * import type { ServerActorRef, turnLogic } from 'opencode-runtime'
 * import type { ActorRefFrom } from 'xstate'
 *
 * export function printRunningTurns(opencode: ServerActorRef): void {
 *   for (const [id, child] of Object.entries(opencode.getSnapshot().children)) {
 *     if (!id.startsWith('turn:')) continue
 *     const turn = child as ActorRefFrom<typeof turnLogic>
 *     turn.on('turn.reply', ({ reply }) => console.log(id, reply.kind))
 *   }
 * }
 */
export const turnLogic = fromCallback<TurnActorEvent, TurnActorInput, TurnActorEmitted>(
  ({ input, system, receive, sendBack, emit }) => {
    const { turnId, options } = input
    const runtime = runtimeOf(input.runtime)
    const entry = runtime.entry(turnId)
    const report = (fact: TurnFact): void => sendBack(fact)
    if (!entry || entry.isDone) return report({ type: 'turn.ended', turnId })
    const conversationId = entry.conversation.key
    const events = {
      onReply: (reply: Reply) => emit({ type: 'turn.reply', reply }),
      onEnd: () => {
        runtime.release(entry)
        report({ type: 'turn.ended', turnId })
      },
      onSuspend: () => report({ type: 'turn.suspended', turnId, conversationId }),
    }
    const clock = clockOf(system)
    const run =
      entry instanceof Operation
        ? new OperationRun(entry, { options, runtime, clock, ...events })
        : new TurnRun(entry, { options, runtime }, clock, events)
    receive((event) => {
      if (event.type === 'turn.serverGone') run.serverGone(event.cause, event.mayResume)
      else run.end(event.cause)
    })
    run.start()
    return () => run.stop()
  },
)
