import { enqueueActions, fromCallback, setup, type EventObject } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import type { FleetInput } from '../../actors/fleet/fleet-runtime.ts'
import { store } from '../../actors/fleet/store.ts'
import type { TurnCause } from '../../actors/turn/refusal.ts'
import type { CompiledFleetOptions } from '../../config/compiled-fleet.ts'
import type { ServerEvent } from '../context.ts'
import { serverMachine } from '../server-machine.ts'
import {
  onCalls,
  onGone,
  onMemory,
  onRelease,
  onStage,
  onTurnRequested,
  onTurnsLeft,
  putAgents,
} from './decisions.ts'
import {
  agentRemoved,
  fleetClosed,
  type FleetContext,
  type FleetEmitted,
  type FleetMachineEvent,
} from './fleet-context.ts'
import type { FleetAgent } from './agent-table.ts'
import { schedule, type Decision } from './schedule.ts'

const serverId = (agentId: string): string => `server:${agentId}`
const agentIdOf = (actorId: string): string => actorId.slice(serverId('').length)

const types = {} as {
  context: FleetContext
  events: FleetMachineEvent
  emitted: FleetEmitted
  input: CompiledFleetOptions
}

/** Part of XState's enqueuer that carries out a decision. */
interface Enqueue {
  assign: (changes: Partial<FleetContext>) => void
  sendTo: (target: string, event: ServerEvent) => void
  emit: (event: FleetEmitted) => void
}

/** Carries out a decision: changes the context, then commands the servers, then emits the evictions. */
function carryOut(enqueue: Enqueue, { context, orders, evictions }: Decision): void {
  const { agents, queue, uses, active } = context
  enqueue.assign({ agents, queue, uses, active })
  for (const { agentId, command } of orders) enqueue.sendTo(serverId(agentId), command)
  for (const { agent, reason } of evictions)
    enqueue.emit({ type: 'agent.evicted', agentId: agent.id, tenant: agent.tenant, reason })
}

/** Stops the server of an agent for good. A server without work ends its actor at once, any other reports that it is idle. */
function stopServer(
  { sendTo }: Pick<Enqueue, 'sendTo'>,
  { id, stage }: FleetAgent,
  { drainMs, cause }: { drainMs: number; cause: TurnCause },
): void {
  sendTo(serverId(id), { type: 'server.stop', drainMs, cause })
  if (stage === 'new' || stage === 'idle' || stage === 'failed')
    sendTo(serverId(id), { type: 'server.passivate' })
}

/** Setup of the machine of a fleet: its actors, guards and actions. */
export const fleetSetup = setup({
  types,
  actors: {
    /** Opens the records of the agents, and holds their lock. */
    store,
    /** Reports the fleet to telemetry and `logger`; the api provides it. */
    hooks: fromCallback<EventObject, FleetInput>(() => undefined),
    server: serverMachine,
  },
  guards: {
    isUnknown: ({ context, event }) => 'agentId' in event && context.agents.get(event.agentId) === undefined,
    isActive: ({ context, event }) =>
      event.type === 'agent.activate' && context.agents.get(event.agentId)?.stage !== 'cold',
    isEmpty: ({ context }) => context.active === 0,
  },
  actions: {
    noteOpened: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'store.opened') enqueue.assign(putAgents(context, event.agents))
    }),
    noteStoreFailed: enqueueActions(({ event, enqueue }) => {
      if (event.type === 'store.failed') enqueue.assign({ error: event.error })
    }),
    putAgents: enqueueActions(({ context, event, enqueue, system }) => {
      if (event.type !== 'agents.put') return
      const changed = { ...context, ...putAgents(context, event.agents) }
      carryOut(enqueue, schedule(changed, clockOf(system).now()))
      for (const { id: agentId, tenant } of event.agents) {
        const type = context.agents.get(agentId) ? 'agent.changed' : 'agent.added'
        enqueue.emit({ type, agentId, tenant })
      }
    }),
    activate: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'agent.activate') return
      const { agentId, options } = event
      enqueue.assign({ agents: context.agents.change(agentId, { stage: 'new' }), active: context.active + 1 })
      enqueue.spawnChild('server', { id: serverId(agentId), input: options })
      enqueue.emit({ type: 'agent.activated', agentId })
    }),
    release: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'agent.release') carryOut(enqueue, onRelease(context, event.agentId))
    }),
    remove: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'agent.remove') return
      const { agentId, drainMs, deletesHome = false } = event
      const agent = context.agents.get(agentId)
      enqueue.emit({ type: 'agent.removed', agentId, tenant: agent?.tenant ?? '', drainMs, deletesHome })
      // An agent whose record could not be used is not in the table.
      if (!agent) return
      if (agent.stage === 'cold') return enqueue.assign({ agents: context.agents.without(agentId) })
      enqueue.assign({ agents: context.agents.set({ ...agent, leaving: 'removed' }) })
      stopServer(enqueue, agent, { drainMs, cause: agentRemoved })
    }),
    refuseTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'agent.turnRequested') return
      const { agentId, turn } = event
      const cause = context.agents.get(agentId) ? fleetClosed : agentRemoved
      enqueue.sendTo(serverId(agentId), { type: 'turn.refused', turnId: turn.turnId, cause })
    }),
    /** Decides what follows from a report of an agent's server. */
    decide: enqueueActions(({ context, event, enqueue, system }) => {
      const now = clockOf(system).now()
      if (event.type === 'agent.stage') carryOut(enqueue, onStage(context, event, now))
      else if (event.type === 'agent.turnRequested') carryOut(enqueue, onTurnRequested(context, event, now))
      else if (event.type === 'agent.turnsLeft') carryOut(enqueue, onTurnsLeft(context, event, now))
      else if (event.type === 'agent.calls') carryOut(enqueue, onCalls(context, event, now))
      else if (event.type === 'agent.memory') carryOut(enqueue, onMemory(context, event, now))
      if ('agentId' in event) enqueue.emit({ type: 'agent.reported', agentId: event.agentId })
    }),
    /** Releases the actor of a server that has ended, or failed with a defect. */
    releaseServer: enqueueActions(({ context, event, enqueue, system }) => {
      const actorId =
        event.type === 'agent.passivated' ? serverId(event.agentId) : 'actorId' in event ? event.actorId : ''
      if (!actorId.startsWith(serverId(''))) return
      enqueue.stopChild(actorId)
      carryOut(enqueue, onGone(context, agentIdOf(actorId), clockOf(system).now()))
      enqueue.emit({ type: 'agent.reported', agentId: agentIdOf(actorId) })
    }),
    stopServers: enqueueActions(({ context, event, enqueue }) => {
      const drainMs = event.type === 'fleet.close' ? (event.drainMs ?? 0) : 0
      for (const agent of context.agents) {
        const { id, stage } = agent
        if (stage === 'cold') continue
        enqueue.assign(({ context: { agents } }) => ({ agents: agents.change(id, { leaving: 'closing' }) }))
        stopServer(enqueue, agent, { drainMs, cause: fleetClosed })
      }
    }),
  },
})
