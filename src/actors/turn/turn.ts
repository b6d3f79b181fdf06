import { fromCallback, type EventObject } from 'xstate'
import type { CompiledOptions } from '../../config/options.ts'
import type { Reply } from '../../replies.ts'
import { clockOf } from '../clock.ts'
import type { TurnCause } from './refusal.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'
import { TurnRun } from './turn-run.ts'

/** A turn's actor is given its id; what the turn carries is kept beside the machine. */
export interface TurnActorInput extends ServerInput {
  turnId: string
}

/** What a turn's actor is told. */
export type TurnActorEvent =
  /** The server is healthy and this turn may run; with the options of the running server. */
  | { type: 'turn.admit'; options: CompiledOptions }
  /** The server died; the turn waits to be admitted again. */
  | { type: 'turn.suspend'; cause: TurnCause }
  /** Where the server it runs on is gone, there is nothing to be aborted. */
  | { type: 'turn.end'; cause: TurnCause; isServerGone?: boolean }

/**
 * What a turn's actor tells, once it has given its terminal reply and nothing of it runs on the server. An event of one
 * type for all turns, not the actor's own end: XState 5.33 keeps what it finds for each `xstate.done.actor.<id>` for ever.
 */
export interface TurnFact {
  type: 'turn.ended'
  turnId: string
}

/** What a turn's actor emits: `child.on('turn.reply', ({ reply }) => …)`. */
export interface TurnActorEmitted extends EventObject {
  type: 'turn.reply'
  reply: Reply
}

/**
 * A turn as an actor: emits each reply as a `turn.reply` event, the terminal one last. It never errors; stopped from
 * outside it gives its `cancelled` at once.
 *
 * @example
 * const child = serverActor.getSnapshot().children[`turn:${turn.id}`]
 * child?.on('turn.reply', ({ reply }) => console.log(reply.kind))
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
