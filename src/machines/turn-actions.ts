import { enqueueActions, type DoneActorEvent, type ErrorActorEvent } from 'xstate'
import type { TurnCause } from '../actors/turn/refusal.ts'
import { runtimeOf } from '../actors/runtime.ts'
import { cancelled, ended, overloaded, processLost } from './failures.ts'
import { admissible, inputOf, type ServerContext, type ServerEvent } from './context.ts'
import { serverSetup } from './setup.ts'

/** Setup of the machine with the actions of turns, which are its children: accept, admit, refuse, end, release. */
export const withTurns = serverSetup.extend({
  guards: {
    isKnownTurn: ({ context, event }) => isKnown(context, event),
    /** Before the server is there, those that could run at once do not count as queued. */
    isOverflow: ({ context, event }) => {
      const { maxConcurrentTurns, maxQueuedTurns } = context.options.values
      return isKnown(context, event) && context.waiting.length >= maxConcurrentTurns + maxQueuedTurns
    },
  },
  actions: {
    /** Every turn is a child from its first moment: it keeps its own deadline while it waits. */
    acceptTurn: enqueueActions(
      ({ context, event, enqueue }, { state }: { state: 'queued' | 'waitingForServer' }) => {
        if (event.type !== 'turn.start') return
        const { turnId } = event
        enqueue(() => runtimeOf(context.runtime).turns.get(turnId)?.setStatus({ state }))
        enqueue.spawnChild('turnLogic', { id: `turn:${turnId}`, input: { turnId, ...inputOf({ context }) } })
        enqueue.assign({ waiting: [...context.waiting, turnId] })
      },
    ),
    refuseTurn: enqueueActions(({ context, event, enqueue }, { cause }: { cause: TurnCause }) => {
      if (event.type !== 'turn.start') return
      const { turnId } = event
      enqueue.spawnChild('turnLogic', { id: `turn:${turnId}`, input: { turnId, ...inputOf({ context }) } })
      enqueue.sendTo(`turn:${turnId}`, { type: 'turn.end', cause })
    }),
    cancelTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'turn.cancel' || !isLive(context, event.turnId)) return
      enqueue.sendTo(`turn:${event.turnId}`, { type: 'turn.end', cause: cancelled })
    }),
    admitTurns: enqueueActions(({ context, enqueue }) => {
      const admitted = admissible(context)
      for (const id of admitted)
        enqueue.sendTo(`turn:${id}`, { type: 'turn.admit', options: context.options })
      enqueue.assign({
        waiting: context.waiting.filter((id) => !admitted.includes(id)),
        running: [...context.running, ...admitted],
      })
    }),
    tellQueued: ({ context }) => {
      const { turns } = runtimeOf(context.runtime)
      for (const id of context.waiting) turns.get(id)?.setStatus({ state: 'queued' })
    },
    /** Only the turn that came last: those before it were accepted. */
    refuseOverflow: enqueueActions(({ context, event, enqueue }) => {
      const last = context.waiting.at(-1)
      if (event.type !== 'turn.start' || last !== event.turnId) return
      if (context.waiting.length <= context.options.values.maxQueuedTurns) return
      enqueue.sendTo(`turn:${last}`, { type: 'turn.end', cause: overloaded(context) })
      enqueue.assign({ waiting: context.waiting.slice(0, -1) })
    }),
    /** A turn that is told to end wants no server any more; its child is released when it has ended. */
    endWaiting: enqueueActions(({ context, enqueue }, { cause }: { cause: TurnCause }) => {
      for (const id of context.waiting) enqueue.sendTo(`turn:${id}`, { type: 'turn.end', cause })
      enqueue.assign({ waiting: [] })
    }),
    /** Turns that may be prompted again wait for the next server, before all others. */
    endRunning: enqueueActions(({ context, enqueue }) => {
      const { turns } = runtimeOf(context.runtime)
      const cause = ended(context)
      const mayResume = cause.code === 'server_died'
      const resumed = context.running.filter((id) => mayResume && turns.get(id)?.canResume === true)
      for (const id of context.running) {
        if (resumed.includes(id)) enqueue.sendTo(`turn:${id}`, { type: 'turn.suspend', cause })
        else enqueue.sendTo(`turn:${id}`, { type: 'turn.end', cause, isServerGone: true })
      }
      enqueue.assign({ running: [], waiting: [...resumed, ...context.waiting] })
    }),
    /** No finished child stays, and no child's failure takes the machine down. */
    releaseChild: enqueueActions(({ context, event, enqueue }) => {
      const { actorId, error } =
        event.type === 'turn.ended'
          ? { actorId: `turn:${event.turnId}`, error: undefined }
          : (event as unknown as DoneActorEvent & Partial<ErrorActorEvent>)
      // Of a process whose actor is gone nothing is heard any more: it counts as gone too, and is swept.
      if (actorId === 'process') enqueue.raise({ type: 'process.exited', error: processLost(error) })
      if (!actorId.startsWith('turn:')) return
      const turnId = actorId.slice('turn:'.length)
      enqueue(() => runtimeOf(context.runtime).end(turnId, error))
      enqueue.stopChild(actorId)
      enqueue.assign({
        waiting: context.waiting.filter((id) => id !== turnId),
        running: context.running.filter((id) => id !== turnId),
      })
    }),
  },
})

const isLive = ({ waiting, running }: ServerContext, turnId: string): boolean =>
  waiting.includes(turnId) || running.includes(turnId)

/** Registered beside the machine, and not told of before. */
const isKnown = (context: ServerContext, event: ServerEvent): boolean =>
  event.type === 'turn.start' &&
  runtimeOf(context.runtime).turns.get(event.turnId)?.isDone === false &&
  !isLive(context, event.turnId)
