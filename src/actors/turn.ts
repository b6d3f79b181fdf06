import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate'
import type { CompiledOptions } from '../options.ts'
import type { Reply, TerminalReply } from '../replies.ts'
import { clockOf } from './clock.ts'
import { runtimeOf } from './runtime.ts'
import type { TurnCause } from './refusal.ts'
import { TurnRun } from './turn-run.ts'

/** A turn's actor is given its id; what the turn carries is kept beside the machine. */
export interface TurnActorInput {
  turnId: string
  options: CompiledOptions
}

/** What a turn's actor is told. */
export type TurnActorEvent =
  | { type: 'turn.admit' }
  | { type: 'turn.end'; cause: TurnCause; isServerGone: boolean }
  /** Told by itself, when all its work has ended. */
  | { type: 'turn.ended'; reply: TerminalReply }

/** What a turn's actor emits: `child.on('turn.reply', ({ reply }) => …)`. */
export interface TurnActorEmitted extends EventObject {
  type: 'turn.reply'
  reply: Reply
}

export type TurnActorSnapshot = Snapshot<TerminalReply> & { input: TurnActorInput }

type System = AnyActorRef['system']

/** The logic of a turn's actor. */
export type TurnLogic = ActorLogic<
  TurnActorSnapshot,
  TurnActorEvent,
  TurnActorInput,
  System,
  TurnActorEmitted
>

const runs = new WeakMap<object, TurnRun>()

/**
 * A turn as an actor: emits each reply as a `turn.reply` event, and is done, with the terminal reply as its output, once
 * nothing of it runs on the server. It never errors; stopped from outside it gives its `cancelled` at once.
 *
 * @example
 * const child = serverActor.getSnapshot().children[`turn:${turn.id}`]
 * child?.on('turn.reply', ({ reply }) => console.log(reply.kind))
 */
export const turnLogic: TurnLogic = {
  getInitialSnapshot: (_scope, input) => ({ status: 'active', output: undefined, error: undefined, input }),
  getPersistedSnapshot: (snapshot) => snapshot,

  start: ({ input: { turnId, options } }, { self, system, emit }) => {
    const record = runtimeOf(options).turns.get(turnId)
    if (!record) return
    const run = new TurnRun(record, options, clockOf(system), {
      onReply: (reply) => emit({ type: 'turn.reply', reply }),
      onEnd: (reply) => {
        if (self.getSnapshot().status === 'active') self.send({ type: 'turn.ended', reply })
      },
    })
    runs.set(self, run)
    run.start()
  },

  transition: (snapshot, event: TurnActorEvent | { type: 'xstate.stop' }, { self }) => {
    const run = runs.get(self)
    switch (event.type) {
      case 'turn.admit':
        run?.admit()
        return snapshot
      case 'turn.end':
        run?.end(event.cause, event.isServerGone)
        return snapshot
      case 'turn.ended':
        return { ...snapshot, status: 'done', output: event.reply, error: undefined }
      case 'xstate.stop':
        run?.stop()
        runs.delete(self)
        return { ...snapshot, status: 'stopped', output: undefined, error: undefined }
    }
  },
}
