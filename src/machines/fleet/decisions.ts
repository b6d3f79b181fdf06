import type { TurnCause } from '../../actors/turn/refusal.ts'
import { tenantOptions } from '../../config/compiled-fleet.ts'
import type { AgentReport, FleetCommand, RequestedTurn } from '../context.ts'
import { hasPlace, type AgentTable, type FleetAgent } from './agent-table.ts'
import {
  agentRemoved,
  coldAgent,
  fleetClosed,
  type AgentSettings,
  type FleetContext,
} from './fleet-context.ts'
import { enlist, schedule, startId, withAgent, type Decision } from './schedule.ts'

type Report<Type extends AgentReport['type']> = Extract<AgentReport, { type: Type }>

/** Returns the decision that changes the context and sends nothing. */
const only = (context: FleetContext): Decision => ({ context, orders: [], evictions: [] })

/** Returns a decision with further commands to the server of an agent, before its own. */
const after = (decision: Decision, agentId: string, ...commands: FleetCommand[]): Decision => ({
  ...decision,
  orders: [...commands.map((command) => ({ agentId, command })), ...decision.orders],
})

/** Accepts or refuses a turn, and admits what may run now. */
export function onTurnRequested(
  context: FleetContext,
  { agentId, turn }: Report<'agent.turnRequested'>,
  now: number,
): Decision {
  const agent = context.agents.get(agentId)
  const { turnId } = turn
  if (!agent || context.queue.has(turnId)) return only(context)
  const { conversationId, priority, isOperation, isLease = false } = turn
  const entry = { turnId, agentId, tenant: agent.tenant, conversationId, priority, at: now }
  const queue = enlist(context.queue, agent).add({ ...entry, ...(isOperation && { isOperation }) }, now)
  const decision = schedule({ ...settled(context, agentId), queue }, now)
  const runsAtOnce = !agent.leaving && decision.context.queue.isRunning(turnId)
  const refusal = runsAtOnce ? undefined : refusalOf(context, agent, turn, now)
  if (refusal)
    return passivate(
      after(only(settled(context, agentId)), agentId, { type: 'turn.refused', turnId, cause: refusal }),
      agentId,
    )
  return isLease ? decision : accepted(decision, agentId, { turnId, conversationId, isOperation })
}

/** Returns a decision that also accepts a turn: with one command, also if the turn runs at once. */
function accepted(
  { orders, ...rest }: Decision,
  agentId: string,
  turn: Pick<RequestedTurn, 'turnId' | 'conversationId' | 'isOperation'>,
): Decision {
  const others = orders.filter(
    ({ command }) => command.type !== 'turn.permitted' || command.turnId !== turn.turnId,
  )
  const isPermitted = others.length < orders.length
  const command = { type: 'turn.accepted', ...turn, ...(isPermitted && { isPermitted }) } as const
  return after({ ...rest, orders: others }, agentId, command)
}

/** Returns the cause for which a turn that cannot run at once is refused; `undefined` if the turn may wait. */
function refusalOf(
  context: FleetContext,
  agent: FleetAgent,
  turn: RequestedTurn,
  now: number,
): TurnCause | undefined {
  if (agent.leaving) return agent.leaving === 'removed' ? agentRemoved : fleetClosed
  if (turn.isOperation) return undefined
  const { id, tenant } = agent
  const queue = enlist(context.queue, agent)
  const bound = queue.overflow(id, tenant, whenToRun(context, agent, turn, now))
  if (bound === undefined) return undefined
  const wait = Math.max(1, Math.ceil(queue.expectedWaitMs(id, tenant, now) / 1000))
  return {
    code: 'overloaded',
    error: `${boundText(context, agent, bound)}; the wait to expect is about ${wait} s`,
  }
}

function boundText(
  { options }: FleetContext,
  agent: FleetAgent,
  bound: 'fleet' | 'tenant' | 'agent',
): string {
  const { id, tenant, maxQueuedTurns } = agent
  if (bound === 'agent')
    return `The queue of the agent ${id} is full: its maxQueuedTurns allows ${maxQueuedTurns} waiting turns`
  const limit =
    bound === 'fleet' ? options.values.limits.maxQueuedTurns : tenantOptions(options, tenant).maxQueuedTurns
  const owner = bound === 'fleet' ? 'the fleet' : `the tenant ${tenant}`
  return `The queue of ${owner} is full: its maxQueuedTurns allows ${limit} waiting turns`
}

/**
 * Returns why a turn that cannot run at once waits: `soon` if only the start of its server makes it wait, else `later`,
 * for its conversation, its agent's own turns or the places of the fleet.
 */
function whenToRun(
  context: FleetContext,
  { id, stage, maxRunningTurns }: FleetAgent,
  { conversationId }: RequestedTurn,
  now: number,
): 'soon' | 'later' {
  const { queue, agents, options } = context
  if (queue.isBusy(id, conversationId) || stage === 'healthy') return 'later'
  const { running, queued } = queue.loadOfAgent(id)
  const { maxServers } = options.values.limits
  const canStart = agents.placed.length < maxServers && queue.first('cold', now) === undefined
  return (stage === 'starting' || canStart) && running + queued < maxRunningTurns ? 'soon' : 'later'
}

/** Notes the stage of an agent's server: its group in the queue, and the place that it takes or gives back. */
export function onStage(
  context: FleetContext,
  { agentId, stage, reason }: Report<'agent.stage'>,
  now: number,
): Decision {
  const before = context.agents.get(agentId)
  // The actor of a server reports that it is idle when it starts, before it is used.
  if (!before || (before.stage === 'new' && stage === 'idle')) return only(context)
  const isEvicting = before.stage === 'evicting' && stage === 'ending'
  const agent: FleetAgent = {
    ...before,
    stage: isEvicting ? 'evicting' : stage,
    ...(stage === 'healthy' && { healthyAt: now, lastUse: context.uses + 1 }),
  }
  const agents = context.agents.set(hasPlace(agent) ? agent : { ...agent, residentMb: undefined })
  const changed = withStart({ ...context, agents, uses: context.uses + 1 }, agent, now)
  const isIdle = before.stage === 'healthy' && stage === 'ending' && reason === 'idle'
  const decision = schedule(changed, now)
  const evictions = isIdle ? [{ agent, reason: 'idle' as const }, ...decision.evictions] : decision.evictions
  return passivate({ ...decision, evictions }, agentId)
}

/**
 * Moves an agent's turns to the group of its stage. A start that no waiting turn requests gets an entry of its own: for
 * running turns whose server died, before all that waits. These turns keep their places, so that the turns of a server
 * which has what they need could otherwise wait for them forever.
 */
function withStart(context: FleetContext, agent: FleetAgent, now: number): FleetContext {
  const { id: agentId, tenant, stage } = agent
  let queue = withAgent(context.queue, agent)
  const turnId = startId(agentId)
  const isResuming = queue.runningOf(agentId) > 0
  const isOther = queue.entry(turnId)?.isResuming !== (isResuming || undefined)
  if (stage !== 'asking' || isOther) queue = queue.remove([turnId], now)
  if (stage === 'asking' && (isResuming || queue.waitingOf(agentId) === 0)) {
    const entry = { turnId, agentId, tenant, conversationId: turnId, priority: usualPriority, at: now }
    queue = enlist(queue, agent).add({ ...entry, isOperation: true, ...(isResuming && { isResuming }) }, now)
  }
  return { ...context, queue }
}

const usualPriority = 5

/** Removes turns that have left their server, and admits what may run instead. */
export function onTurnsLeft(
  context: FleetContext,
  { agentId, turnIds }: Report<'agent.turnsLeft'>,
  now: number,
): Decision {
  const agent = context.agents.get(agentId)
  if (!agent) return only(context)
  const agents = touched(context, agent)
  const queue = context.queue.remove(turnIds, now)
  const changed = withStart({ ...context, agents, queue, uses: context.uses + 1 }, agent, now)
  return passivate(schedule(changed, now), agentId)
}

export function onCalls(
  context: FleetContext,
  { agentId, calls }: Report<'agent.calls'>,
  now: number,
): Decision {
  const agent = context.agents.get(agentId)
  if (!agent) return only(context)
  const used = settled({ ...context, uses: context.uses + 1 }, agentId)
  const agents = touched(used, { ...(used.agents.get(agentId) ?? agent), calls })
  return passivate(schedule({ ...used, agents }, now), agentId)
}

/** Notes what a server's process tree uses, and frees memory if the fleet exceeds its budget. */
export function onMemory(
  context: FleetContext,
  { agentId, residentMb }: Report<'agent.memory'>,
  now: number,
): Decision {
  const agent = context.agents.get(agentId)
  if (!agent || !hasPlace(agent)) return only(context)
  return schedule({ ...context, agents: context.agents.set({ ...agent, residentMb }) }, now)
}

/** Lets the actor of an agent's server go if it is not used. */
export const onRelease = (context: FleetContext, agentId: string): Decision =>
  passivate(only(settled(context, agentId)), agentId)

/** Notes that the actor of an agent's server has ended; an agent that is being removed is forgotten. */
export function onGone(context: FleetContext, agentId: string, now: number): Decision {
  const agent = context.agents.get(agentId)
  if (!agent || agent.stage === 'cold') return only(context)
  const {
    permittedAt: _permitted,
    healthyAt: _healthy,
    deferral: _deferral,
    residentMb: _memory,
    ...rest
  } = agent
  const agents =
    agent.leaving === 'removed'
      ? context.agents.without(agentId)
      : context.agents.set({ ...rest, permittedAt: 0, healthyAt: 0, stage: 'cold', calls: 0 })
  const queue = context.queue.remove(context.queue.idsOf(agentId), now)
  return schedule({ ...context, agents, queue, active: context.active - 1 }, now)
}

/** Returns the agents with new settings; a known agent keeps its stage. */
export function putAgents({ agents, queue }: FleetContext, settings: readonly AgentSettings[]) {
  let [table, order] = [agents, queue]
  for (const each of settings) {
    const agent = { ...(table.get(each.id) ?? coldAgent(each)), ...each }
    table = table.set(agent)
    // A cold agent is not in the queue.
    if (agent.stage !== 'cold') order = withAgent(order, agent)
  }
  return { agents: table, queue: order }
}

/** Marks a new server's actor as used, so that it may be passivated when it is idle again. */
function settled(context: FleetContext, agentId: string): FleetContext {
  const isNew = context.agents.get(agentId)?.stage === 'new'
  return isNew ? { ...context, agents: context.agents.change(agentId, { stage: 'idle' }) } : context
}

function touched({ agents, uses }: FleetContext, agent: FleetAgent): AgentTable {
  return agents.set({ ...agent, lastUse: uses + 1, lastUsedAt: Date.now() })
}

/** Ends the actor of an agent's server if nothing needs the actor. */
function passivate(decision: Decision, agentId: string): Decision {
  const { agents, queue } = decision.context
  const agent = agents.get(agentId)
  if (agent?.stage !== 'idle' && !(agent?.stage === 'failed' && agent.leaving)) return decision
  if (agent.calls + queue.waitingOf(agentId) + queue.runningOf(agentId) > 0) return decision
  return { ...decision, orders: [...decision.orders, { agentId, command: { type: 'server.passivate' } }] }
}
