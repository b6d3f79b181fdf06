import { NEVER, type Observable } from 'rxjs'
import type { Fleet } from '../../api/fleet/fleet.ts'
import { agentStatus } from '../../api/fleet/internals.ts'
import type { AgentStatus, FleetStatus } from '../../api/fleet/types.ts'
import type { ReportedEvent } from '../../cluster/reports/fleet-report.ts'

/** Host that has reported something; absent for the fleet of this process. */
interface Reported {
  hostId?: string
}

/** Status of an agent, as a gateway knows it. */
export type SeenAgent = AgentStatus & Reported

/** Event of an agent, as a gateway knows it. */
export type SeenEvent = ReportedEvent & Reported

/** Agents of a gateway: their states, and what happens to them. */
export interface AgentSource {
  /** Status of all agents; its numbers are those of all hosts. */
  readonly status: FleetStatus & { readonly agents: readonly SeenAgent[] }
  /** Returns the status of an agent; `undefined` for an unknown one. */
  agent(id: string): SeenAgent | undefined
  readonly events$: Observable<SeenEvent>
  /** Emits when events of other hosts were missed: the status tells what they have changed. */
  readonly missed$: Observable<unknown>
  /** Number after which the ids of events begin: another one for each gateway that a reader may take for this one. */
  readonly idsAfter: number
  /** Begins to listen to other hosts. */
  open(): void
}

/** Returns the agents of the fleet of this process. */
export const agentsOfFleet = (fleet: Fleet): AgentSource => ({
  get status() {
    return fleet.status
  },
  agent: (id) => agentStatus(fleet, id),
  events$: fleet.events$,
  missed$: NEVER,
  idsAfter: 0,
  open: () => undefined,
})
