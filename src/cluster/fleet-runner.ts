import { filter, map, type Observable } from 'rxjs'
import type { Fleet } from '../api/fleet/fleet.ts'
import { keptSpecs, lifelineOf, tenantCapOf, tenantOf } from '../api/fleet/internals.ts'
import type { TurnInput } from '../api/turn-input.ts'
import { UnknownAgentError } from '../errors.ts'
import type { AgentRunner, RunningTurn } from './agent-runner.ts'
import type { AgentKey } from './store/cluster-store.ts'

/** Runs the turns of the agents of a fleet. */
export class FleetRunner implements AgentRunner {
  readonly opencode: string
  readonly maxAgents: number
  readonly maxTurns: number
  readonly added$: Observable<AgentKey>
  readonly #fleet: Fleet

  /**
   * @param fleet - the fleet, whose records were read
   * @param opencode - version of opencode on the host; empty if unknown
   */
  constructor(fleet: Fleet, opencode: string) {
    this.#fleet = fleet
    this.opencode = opencode
    const { servers, turns } = fleet.status
    this.maxAgents = servers.max
    this.maxTurns = turns.max
    this.added$ = fleet.events$.pipe(
      filter(({ type }) => type === 'agent.added'),
      map(({ agentId, tenant }) => ({ agentId, tenant })),
    )
  }

  agents(): AgentKey[] {
    const specs = [...keptSpecs(this.#fleet).values()]
    return specs.map((spec) => ({ agentId: spec.id, tenant: tenantOf(this.#fleet, spec) }))
  }

  knows({ tenant, agentId }: AgentKey): boolean {
    const spec = keptSpecs(this.#fleet).get(agentId)
    return spec !== undefined && tenantOf(this.#fleet, spec) === tenant
  }

  capOf(tenant: string): number | undefined {
    return tenantCapOf(this.#fleet, tenant)
  }

  async open({ agentId }: AgentKey): Promise<void> {
    await this.#fleet.ready
    this.#fleet.agent(agentId)
  }

  turn({ agentId }: AgentKey, input: TurnInput): RunningTurn {
    return this.#fleet.turn(agentId, input)
  }

  async close({ agentId }: AgentKey): Promise<void> {
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
