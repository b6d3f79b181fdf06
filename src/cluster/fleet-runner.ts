import { randomUUID } from 'node:crypto'
import { filter, map, type Observable } from 'rxjs'
import type { Fleet } from '../api/fleet/fleet.ts'
import { lifelineOf, tenantCapOf } from '../api/fleet/internals.ts'
import type { TurnInput } from '../api/turn-input.ts'
import { unknownAgent } from '../config/unknown-agent.ts'
import { UnknownAgentError } from '../errors.ts'
import type { AgentRunner, RunningTurn } from './agent-runner.ts'
import type { SpecSync } from './specs/spec-sync.ts'
import { agentOf, keyOf, type AgentKey } from './store/cluster-store.ts'

/** Part of the exchange of specs that tells which agents the fleet runs. */
type AgentSpecs = Pick<SpecSync, 'has' | 'canRun' | 'isRemoved'>

/** Runs the turns of the agents of a fleet. */
export class FleetRunner implements AgentRunner {
  readonly opencode: string
  readonly maxAgents: number
  readonly maxTurns: number
  readonly added$: Observable<AgentKey>
  readonly #fleet: Fleet
  readonly #specs: AgentSpecs
  /** Agents of the fleet that were opened and not closed. */
  readonly #opened = new Set<string>()
  /** Ids by which the fleet knows the turns that run. */
  readonly #turnIds = new Set<string>()

  /**
   * @param fleet - the fleet, whose records were read
   * @param specs - the specs that the fleet shares with the cluster
   * @param opencode - version of opencode on the host; empty if unknown
   */
  constructor(fleet: Fleet, specs: AgentSpecs, opencode: string) {
    this.#fleet = fleet
    this.#specs = specs
    this.opencode = opencode
    const { servers, turns } = fleet.status
    this.maxAgents = servers.max
    this.maxTurns = turns.max
    this.added$ = fleet.events$.pipe(
      filter(({ type }) => type === 'agent.added' || type === 'agent.changed'),
      map(({ agentId, tenant }) => ({ agentId, tenant })),
    )
  }

  knows(agent: AgentKey): boolean {
    return this.#specs.canRun(agent) || this.#specs.isRemoved(agent)
  }

  capOf(tenant: string): number | undefined {
    return tenantCapOf(this.#fleet, tenant)
  }

  /** Checks that the fleet can run the agent. A removed agent is opened for nothing but the end of its turns. */
  async open(agent: AgentKey): Promise<void> {
    await this.#fleet.ready
    if (!this.knows(agent)) throw unknownAgent(agent.agentId, [])
    if (this.#specs.has(agent)) this.#opened.add(keyOf(agent))
  }

  /**
   * Runs a turn. One of a removed agent, or of an agent that has another tenant now, is rejected. The fleet takes an id once;
   * a turn gets another one there while a turn of another tenant with its id runs.
   */
  turn(agent: AgentKey, input: TurnInput): RunningTurn {
    const { turnId: given = randomUUID() } = input
    const turnId = this.#turnIds.has(given) ? randomUUID() : given
    this.#turnIds.add(turnId)
    // No agent of a fleet has the key as its id.
    const turn = this.#fleet.turn(this.#specs.has(agent) ? agent.agentId : keyOf(agent), { ...input, turnId })
    void turn.done.then(() => this.#turnIds.delete(turnId))
    return turn
  }

  async deleteSession({ agentId }: AgentKey, sessionId: string): Promise<void> {
    await this.#fleet.agent(agentId).session({ sessionId }).delete()
  }

  async close(agent: AgentKey): Promise<void> {
    const { agentId } = agent
    this.#opened.delete(keyOf(agent))
    // The server may be of the agent with another tenant, which this host has opened too.
    if ([...this.#opened].some((key) => agentOf(key).agentId === agentId)) return
    try {
      await this.#fleet.agent(agentId).stop({ drainMs: 0 })
    } catch (error) {
      // A removed agent has no server any more.
      if (!(error instanceof UnknownAgentError)) throw error
    }
  }

  keepAlive(ms: number): void {
    lifelineOf(this.#fleet).feed(ms)
  }
}
