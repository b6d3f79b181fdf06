import { compileFleetOptions } from '../../src/config/compiled-fleet.ts'
import type { FleetLimits, TenantOptions } from '../../src/config/fleet-options.ts'
import type { AgentStage, FleetCommand, RequestedTurn } from '../../src/machines/context.ts'
import * as decisions from '../../src/machines/fleet/decisions.ts'
import type { FleetAgent } from '../../src/machines/fleet/agent-table.ts'
import {
  initialFleet,
  type AgentSettings,
  type FleetContext,
} from '../../src/machines/fleet/fleet-context.ts'
import type { Decision } from '../../src/machines/fleet/schedule.ts'

/** Returns a command as text: the agent, the type, and what else the command says. */
const shown = (agentId: string, { type, ...rest }: FleetCommand): string =>
  [agentId, type, ...Object.values(rest).map(textOf)].join(' ')

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Decisions of a fleet, one after another, on a context: no machine and no server. A test sets the time. */
export class DecidedFleet {
  context: FleetContext
  /** Time in ms. */
  now = 0
  /** Commands of all decisions since the last call of `told`. */
  #orders: string[] = []
  /** Evictions of all decisions. */
  readonly evictions: string[] = []

  constructor(
    limits: FleetLimits,
    agents: readonly (Partial<AgentSettings> & { id: string })[],
    tenants: Record<string, TenantOptions> = {},
  ) {
    const options = { dataDir: '/srv/agents', limits: { memoryMb: 1_000_000, ...limits }, tenants }
    this.context = initialFleet(compileFleetOptions(options))
    this.put(...agents)
  }

  /** Declares agents, each in a tenant of its own name if no other is given. */
  put(...agents: readonly (Partial<AgentSettings> & { id: string })[]): void {
    const usual = { maxRunningTurns: 8, maxQueuedTurns: 100, memoryMb: 600 }
    const settings = agents.map((agent) => ({ ...usual, tenant: agent.id, ...agent }))
    this.context = { ...this.context, ...decisions.putAgents(this.context, settings) }
  }

  /** Returns the commands since the last call. */
  told(): string[] {
    return this.#orders.splice(0)
  }

  agent(id: string): FleetAgent {
    const agent = this.context.agents.get(id)
    if (!agent) throw new Error(`no agent ${id}`)
    return agent
  }

  /** Returns the stages of agents. */
  stages(...ids: string[]): string[] {
    return ids.map((id) => this.agent(id).stage)
  }

  /** Changes what the fleet knows of an agent. */
  change(id: string, fields: Partial<FleetAgent>): void {
    this.context = { ...this.context, agents: this.context.agents.change(id, fields) }
  }

  /** Gives a cold agent the actor of its server. */
  activate(id: string): void {
    if (this.agent(id).stage === 'cold') this.change(id, { stage: 'new' })
    this.context = { ...this.context, active: this.context.active + 1 }
  }

  /** The server of an agent asks for a turn, by default one of a conversation of its own. */
  turn(agentId: string, turnId: string, more: Partial<RequestedTurn> = {}): void {
    if (this.context.agents.get(agentId)?.stage === 'cold') this.activate(agentId)
    const turn = { turnId, conversationId: turnId, priority: 5, isOperation: false, ...more }
    this.#decide(
      decisions.onTurnRequested(this.context, { type: 'agent.turnRequested', agentId, turn }, this.now),
    )
  }

  stage(agentId: string, stage: AgentStage, reason?: string): void {
    this.#decide(decisions.onStage(this.context, { type: 'agent.stage', agentId, stage, reason }, this.now))
  }

  left(agentId: string, ...turnIds: string[]): void {
    this.#decide(decisions.onTurnsLeft(this.context, { type: 'agent.turnsLeft', agentId, turnIds }, this.now))
  }

  calls(agentId: string, calls: number): void {
    this.#decide(decisions.onCalls(this.context, { type: 'agent.calls', agentId, calls }, this.now))
  }

  memory(agentId: string, residentMb: number | undefined): void {
    this.#decide(decisions.onMemory(this.context, { type: 'agent.memory', agentId, residentMb }, this.now))
  }

  release(agentId: string): void {
    this.#decide(decisions.onRelease(this.context, agentId))
  }

  gone(agentId: string): void {
    this.#decide(decisions.onGone(this.context, agentId, this.now))
  }

  /** A turn of a cold agent starts its server, which takes `startMs`; forgets the commands. */
  start(agentId: string, turnId: string, startMs = 0): void {
    this.turn(agentId, turnId)
    this.stage(agentId, 'asking')
    this.now += startMs
    this.stage(agentId, 'healthy')
    this.told()
  }

  /** Starts the server of an agent, which is then idle; forgets the commands. */
  startIdle(agentId: string, startMs = 0): void {
    this.start(agentId, `${agentId}-first`, startMs)
    this.left(agentId, `${agentId}-first`)
    this.told()
  }

  #decide({ context, orders, evictions }: Decision): void {
    this.context = context
    this.#orders.push(...orders.map(({ agentId, command }) => shown(agentId, command)))
    this.evictions.push(...evictions.map(({ agent, reason }) => `${agent.id} ${reason}`))
  }
}
