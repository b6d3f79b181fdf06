import { fromCallback, type EventObject } from 'xstate'
import type { CompiledOptions } from '../../config/options.ts'
import type { Reply } from '../../replies.ts'
import { clockOf } from '../clock.ts'
import type { TurnCause } from './refusal.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import { TurnRun } from './turn-run.ts'

/** Input of a turn's actor: the id of the turn, whose record is kept beside the machine. */
export interface TurnActorInput extends ServerInput {
  turnId: string
}

/** Events that a turn's actor receives. */
export type TurnActorEvent =
  /**
   * Admits the turn: the server is healthy and the turn may run; `options` are those of the running server.
   */
  | { type: 'turn.admit'; options: CompiledOptions }
  /** Suspends the turn: the server died, and the turn waits for the next admission. */
  | { type: 'turn.suspend'; cause: TurnCause }
  /** Ends the turn; if `isServerGone` is set, there is no work to abort. */
  | { type: 'turn.end'; cause: TurnCause; isServerGone?: boolean }

/**
 * Event that a turn's actor sends when it has emitted its terminal reply and nothing of the turn runs on the
 * server.
 *
 * @remarks The event has one type for all turns, and replaces the actor's own done event, because XState 5.33
 * keeps what it looks up for each `xstate.done.actor.<id>` for ever.
 */
export interface TurnFact {
  type: 'turn.ended'
  turnId: string
}

/** Event that a turn's actor emits for each reply: `child.on('turn.reply', ({ reply }) => …)`. */
export interface TurnActorEmitted extends EventObject {
  type: 'turn.reply'
  reply: Reply
}

/**
 * Actor logic of a turn; emits each reply as a `turn.reply` event, the terminal reply last.
 *
 * @remarks The actor never errors. When stopped from outside, the actor emits its `cancelled` reply
 * immediately.
 *
 * @example
 * import { startTurn, type ServerActorRef, type turnLogic } from 'opencode-runtime'
 * import type { ActorRefFrom } from 'xstate'
 *
 * export function printTurn(opencode: ServerActorRef): void {
 *   const { id } = startTurn(opencode, 'Say hello')
 *   const { children } = opencode.getSnapshot()
 *   const child = children[`turn:${id}`] as ActorRefFrom<typeof turnLogic> | undefined
 *   child?.on('turn.reply', ({ reply }) => console.log(reply.kind))
 * }
 */
export const turnLogic = fromCallback<TurnActorEvent, TurnActorInput, TurnActorEmitted>(
  ({ input, system, receive, sendBack, emit }) => {
    const { turnId } = input
    const record = runtimeOf(input.runtime).turns.get(turnId)
    const tell = (fact: TurnFact): void => sendBack(fact)
    if (!record) return tell({ type: 'turn.ended', turnId })
    const run = new TurnRun(record, input, clockOf(system), {
      onReply: (reply) => emit({ type: 'turn.reply', reply }),
      onEnd: () => tell({ type: 'turn.ended', turnId }),
    })
    receive((event) => {
      if (event.type === 'turn.admit') run.admit(event.options)
      else if (event.type === 'turn.suspend') run.suspend(event.cause)
      else run.end(event.cause, event.isServerGone)
    })
    run.start()
    return () => run.stop()
  },
)
