import { assign, enqueueActions, sendTo, type DoneActorEvent, type ErrorActorEvent } from 'xstate'
import type { WaitingState } from '../actors/turn/queue.ts'
import { cancelledTurn, type TurnCause } from '../actors/turn/refusal.ts'
import { ended, processLost, turnLost } from './failures.ts'
import {
  admissible,
  inputOf,
  isAgent,
  isTurn,
  type AgentReport,
  type AgentStage,
  type ServerContext,
  type ServerEvent,
} from './context.ts'
import { serverSetup } from './setup.ts'
import { TurnQueue, type QueuedTurn } from './turn-queue.ts'

/** Priority of a turn whose event names none. */
export const defaultPriority = 5

/** Setup of the machine with the actions of turns: accept, admit, refuse, end, suspend, release. */
export const withTurns = serverSetup.extend({
  guards: {
    hasTurn: ({ context, event }) => isRequest(event) && isLive(context, event.turnId),
    isAgent: ({ context }) => isAgent(context),
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
      if (!isRequest(event)) return
      const { turnId, conversationId = turnId, isOperation = false } = event
      const entry = { turnId, conversationId, ...(isOperation && { isOperation }) }
      enqueue.sendTo('queue', { type: 'queue.add', turnId, state })
      enqueue.assign({ waiting: context.waiting.add(entry) })
    }),
    /** Asks the fleet for a turn; the fleet accepts or refuses the turn. */
    requestTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'turn.start') return
      const { turnId, conversationId = turnId, isOperation = false, priority = defaultPriority } = event
      const turn = { turnId, conversationId, isOperation, priority }
      report(enqueue, context, (agentId) => ({ type: 'agent.turnRequested', agentId, turn }))
    }),
    noteRefused: enqueueActions(({ event, enqueue }) => {
      if (event.type !== 'turn.refused') return
      enqueue.sendTo('queue', { type: 'queue.end', turnIds: [event.turnId], cause: event.cause })
    }),
    notePermitted: assign(({ context, event }) =>
      isPermit(event) ? { permitted: [...context.permitted, event.turnId] } : {},
    ),
    /** Reports the stage of the server to the fleet. */
    reportStage: enqueueActions(({ context, enqueue }, { stage }: { stage: AgentStage }) => {
      const { reason } = context
      report(enqueue, context, (agentId) => ({ type: 'agent.stage', agentId, stage, reason }))
    }),
    /** Lets the fleet end this machine; whoever needs the agent from now on gets another machine. */
    passivate: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ isPassivated: true })
      report(enqueue, context, (agentId) => ({ type: 'agent.passivated', agentId }))
    }),
    noteCall: enqueueActions(({ context, event, enqueue }) => {
      const calls =
        event.type === 'call.started'
          ? [...context.calls, event.callId]
          : context.calls.filter((id) => event.type === 'call.ended' && id !== event.callId)
      enqueue.assign({ calls })
      report(enqueue, context, (agentId) => ({ type: 'agent.calls', agentId, calls: calls.length }))
    }),
    refuseTurn: enqueueActions(({ context, event, enqueue }, { cause }: { cause: TurnCause }) => {
      if (!isRequest(event)) return
      const turnIds = [event.turnId]
      enqueue.sendTo('queue', { type: 'queue.end', turnIds, cause })
      report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds }))
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
        report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds: [turnId] }))
      }
      const isWaiting = context.waiting.has(turnId)
      // A turn that the fleet has not accepted yet is in no list.
      if (isWaiting || isAgent(context))
        enqueue.sendTo('queue', { type: 'queue.end', turnIds: [turnId], cause: cancelledTurn })
      if (isWaiting) leave(enqueue, context, [turnId])
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
        permitted: [],
        running: [...context.running, ...admitted],
      })
    }),
    setQueued: sendTo('queue', { type: 'queue.setStatus', state: 'queued' }),
    endWaiting: enqueueActions(({ context, enqueue }, { cause }: { cause: TurnCause }) => {
      const turnIds = [...context.waiting, ...context.leaving].map(({ turnId }) => turnId)
      enqueue.sendTo('queue', { type: 'queue.end', turnIds, cause })
      for (const { turnId } of context.leaving) enqueue.stopChild(`turn:${turnId}`)
      enqueue.assign({ waiting: TurnQueue.empty, permitted: [], leaving: [] })
      if (turnIds.length > 0)
        report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds }))
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
      // The fleet still counts the turn as running.
      if (isAgent(context)) enqueue.assign({ permitted: [...context.permitted, turnId] })
    }),
    removeEndedTurns: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'queue.ended') leave(enqueue, context, event.turnIds)
    }),
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
        const turnIds = [id]
        report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds }))
      }
    }),
  },
})

/** Part of XState's enqueuer that the functions below use. */
export interface Enqueue {
  assign: (changes: Partial<ServerContext>) => void
  sendParent: (event: AgentReport) => void
}

/** Removes waiting turns that have ended, and reports them to the fleet. */
function leave(enqueue: Enqueue, context: ServerContext, turnIds: readonly string[]): void {
  const waiting = context.waiting.without(turnIds)
  enqueue.assign({ waiting, permitted: context.permitted.filter((id) => !turnIds.includes(id)) })
  report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds }))
}

/** Sends a report to the fleet; does nothing for a server of its own. */
export function report(enqueue: Enqueue, context: ServerContext, of: (agentId: string) => AgentReport): void {
  const { agent } = context.options.values
  if (agent) enqueue.sendParent(of(agent.id))
}

const includes = (turns: readonly QueuedTurn[], id: string): boolean =>
  turns.some(({ turnId }) => turnId === id)

const without = (turns: readonly QueuedTurn[], id: string): QueuedTurn[] =>
  turns.filter(({ turnId }) => turnId !== id)

/** Returns whether an event is to queue a turn. */
const isRequest = (event: ServerEvent) => event.type === 'turn.start' || event.type === 'turn.accepted'

/** Returns whether an event lets a turn run. */
const isPermit = (event: ServerEvent): event is Extract<ServerEvent, { turnId: string }> =>
  event.type === 'turn.permitted' || (event.type === 'turn.accepted' && event.isPermitted === true)

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
