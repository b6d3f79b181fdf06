import { assign, enqueueActions, sendTo, type DoneActorEvent, type ErrorActorEvent } from 'xstate'
import type { WaitingState } from '../actors/turn/queue.ts'
import { cancelledTurn, type TurnCause } from '../actors/turn/refusal.ts'
import { ended, processLost, turnLost } from './failures.ts'
import { admissible, inputOf, isTurn, type ServerContext, type ServerEvent } from './context.ts'
import { serverSetup } from './setup.ts'
import { TurnQueue, type QueuedTurn } from './turn-queue.ts'

/** Setup of the machine with the actions of turns: accept, admit, refuse, end, suspend, release. */
export const withTurns = serverSetup.extend({
  guards: {
    hasTurn: ({ context, event }) => event.type === 'turn.start' && isLive(context, event.turnId),
    /** Before the server is healthy, turns that could then run at once do not count as queued. */
    isQueueFull: ({ context: { waiting, options }, event }) =>
      !isOperation(event) &&
      waiting.turns >= options.values.maxConcurrentTurns + options.values.maxQueuedTurns,
    isOverflow: ({ context, event }) =>
      !isOperation(event) &&
      context.waiting.turns >= context.options.values.maxQueuedTurns &&
      !canRunNow(context, event),
  },
  actions: {
    acceptTurn: enqueueActions(({ context, event, enqueue }, { state }: { state: WaitingState }) => {
      if (event.type !== 'turn.start') return
      const { turnId, conversationId = turnId, isOperation = false } = event
      const entry = { turnId, conversationId, ...(isOperation && { isOperation }) }
      enqueue.sendTo('queue', { type: 'queue.add', turnId, state })
      enqueue.assign({ waiting: context.waiting.add(entry) })
    }),
    refuseTurn: enqueueActions(({ event, enqueue }, { cause }: { cause: TurnCause }) => {
      if (event.type === 'turn.start')
        enqueue.sendTo('queue', { type: 'queue.end', turnIds: [event.turnId], cause })
    }),
    cancelTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'turn.cancel') return
      const { turnId } = event
      if (includes(context.running, turnId))
        enqueue.sendTo(`turn:${turnId}`, { type: 'turn.end', cause: cancelledTurn })
      if (includes(context.leaving, turnId)) {
        enqueue.sendTo('queue', { type: 'queue.end', turnIds: [turnId], cause: cancelledTurn })
        enqueue.stopChild(`turn:${turnId}`)
        enqueue.assign({ leaving: without(context.leaving, turnId) })
      }
      if (!context.waiting.has(turnId)) return
      enqueue.sendTo('queue', { type: 'queue.end', turnIds: [turnId], cause: cancelledTurn })
      enqueue.assign({ waiting: context.waiting.without([turnId]) })
    }),
    /** Spawns an actor for each turn that may run now. */
    admitTurns: enqueueActions(({ context, enqueue }) => {
      const admitted = admissible(context)
      if (admitted.length === 0) return
      const turnIds = admitted.map(({ turnId }) => turnId)
      enqueue.sendTo('queue', { type: 'queue.release', turnIds })
      for (const turnId of turnIds)
        enqueue.spawnChild('turnLogic', { id: `turn:${turnId}`, input: { turnId, ...inputOf({ context }) } })
      enqueue.assign({
        waiting: context.waiting.without(turnIds),
        running: [...context.running, ...admitted],
      })
    }),
    setQueued: sendTo('queue', { type: 'queue.setStatus', state: 'queued' }),
    endWaiting: enqueueActions(({ context, enqueue }, { cause }: { cause: TurnCause }) => {
      const turnIds = [...context.waiting, ...context.leaving].map(({ turnId }) => turnId)
      enqueue.sendTo('queue', { type: 'queue.end', turnIds, cause })
      for (const { turnId } of context.leaving) enqueue.stopChild(`turn:${turnId}`)
      enqueue.assign({ waiting: TurnQueue.empty, leaving: [] })
    }),
    /** Notifies the running turns that their server is gone; each turn ends, or is suspended (`turn.suspended`). */
    endRunning: enqueueActions(({ context, enqueue }) => {
      const cause = ended(context)
      // A server that drains for a stop has no next server.
      const mayResume = cause.code === 'server_died' && context.wanted
      for (const { turnId } of context.running)
        enqueue.sendTo(`turn:${turnId}`, { type: 'turn.serverGone', cause, mayResume })
      enqueue.assign({ running: [], leaving: [...context.leaving, ...context.running] })
    }),
    /** Queues a suspended turn for the next server, before all other turns. */
    requeueTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'turn.suspended') return
      const { turnId } = event
      const left = context.leaving.find((turn) => turn.turnId === turnId)
      // A turn that was cancelled or stopped meanwhile is no longer waited for.
      if (!left) return
      enqueue.assign({ leaving: without(context.leaving, turnId) })
      enqueue.stopChild(`turn:${turnId}`)
      enqueue.sendTo('queue', { type: 'queue.add', turnId, state: 'waitingForServer' })
      enqueue.assign({ waiting: context.waiting.add({ ...left, isResumed: true }) })
    }),
    removeEndedTurns: assign(({ context, event }) =>
      event.type === 'queue.ended' ? { waiting: context.waiting.without(event.turnIds) } : {},
    ),
    /** Releases a finished child, so that no finished child stays and no child's failure stops the machine. */
    releaseChild: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'turn.ended') return release(event.turnId)
      const { actorId, error } = event as unknown as DoneActorEvent & Partial<ErrorActorEvent>
      // A process whose actor has ended is no longer observed, so the process counts as exited and is swept.
      if (actorId === 'process') enqueue.raise({ type: 'process.exited', error: processLost(error) })
      if (!actorId.startsWith('turn:')) return
      const turnId = actorId.slice('turn:'.length)
      enqueue.sendTo('queue', { type: 'queue.end', turnIds: [turnId], cause: turnLost(error) })
      release(turnId)

      function release(id: string): void {
        enqueue.stopChild(`turn:${id}`)
        enqueue.assign({
          running: without(context.running, id),
          leaving: without(context.leaving, id),
        })
      }
    }),
  },
})

const includes = (turns: readonly QueuedTurn[], id: string): boolean =>
  turns.some(({ turnId }) => turnId === id)

const without = (turns: readonly QueuedTurn[], id: string): QueuedTurn[] =>
  turns.filter(({ turnId }) => turnId !== id)

const isLive = (context: ServerContext, turnId: string): boolean =>
  context.waiting.has(turnId) || includes(context.running, turnId) || includes(context.leaving, turnId)

const isOperation = (event: ServerEvent): boolean => event.type === 'turn.start' && event.isOperation === true

/** Returns whether a new turn could run at once: a slot is free, and no other turn of its conversation runs. */
function canRunNow({ options, running }: ServerContext, event: ServerEvent): boolean {
  if (event.type !== 'turn.start') return false
  const { turnId, conversationId = turnId } = event
  return (
    running.filter(isTurn).length < options.values.maxConcurrentTurns &&
    !running.some((other) => other.conversationId === conversationId)
  )
}
