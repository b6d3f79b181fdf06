import type { AgentStatus, FleetEvent, FleetStatus } from '../../api/fleet/types.ts'
import { messageWithoutPaths } from '../../errors.ts'
import type { Lifecycle } from '../../machines/lifecycle.ts'

/** Form of the reports. A gateway passes over reports of another form. */
export const reportForm = 1

/** Lifecycle as it travels: of the error only the code and the message. */
export type ReportedLifecycle = Omit<Lifecycle, 'error'> & { error?: AgentStatus['error'] & object }

type LifecycleEvent = Extract<FleetEvent, { type: 'agent.lifecycle' }>

/** Event of a fleet as it travels. */
export type ReportedEvent =
  Exclude<FleetEvent, LifecycleEvent> | (Omit<LifecycleEvent, 'lifecycle'> & { lifecycle: ReportedLifecycle })

/** Numbers of a fleet. Of the tenants, those that have turns: a cluster may have more tenants than a report holds. */
export type ReportedTotals = Pick<FleetStatus, 'servers' | 'turns' | 'memory' | 'tenants'>

/** Something of an agent, with the epoch in which the host has, or had, the agent; 0 for an agent without an owner. */
export interface OfEpoch<T> {
  readonly epoch: number
  readonly value: T
}

/** Report of a host on the agents of its fleet: what has happened since the report before. */
export interface FleetReport {
  readonly form: typeof reportForm
  /** Random id of the reporter, which a host has anew when it joins again. */
  readonly run: string
  /** Number of the report, from 1: a missing one was lost. */
  readonly number: number
  /** True if the statuses of all earlier reports count no more. */
  readonly isWhole?: true
  /** True if events were left out, because they were too large, too many, or because the connection was down. */
  readonly hasGap?: true
  /** True if the next report has further agents of this one. */
  readonly hasMore?: true
  readonly events: readonly OfEpoch<ReportedEvent>[]
  /** Agents whose status has changed, as they are after the events. */
  readonly agents: readonly OfEpoch<AgentStatus>[]
  readonly totals: ReportedTotals
}

/** Most characters of the message of an error in a report. */
const mostText = 2_000

/** Returns an event as it travels: without paths of the host, as far as the error names them. */
export function reportedEvent(event: FleetEvent): ReportedEvent {
  if (event.type !== 'agent.lifecycle') return event
  const { error, ...lifecycle } = event.lifecycle
  if (!error) return { ...event, lifecycle }
  const message = messageWithoutPaths(error).slice(0, mostText)
  return { ...event, lifecycle: { ...lifecycle, error: { code: error.code, message } } }
}

/** Returns the status of an agent as it travels. */
export const reportedStatus = ({ error, ...status }: AgentStatus): AgentStatus => ({
  ...status,
  ...(error && { error: { code: error.code, message: error.message.slice(0, mostText) } }),
})

/** Returns whether a value is a report of this form. Only hosts can send one. */
export function isReport(value: unknown): value is FleetReport {
  const { form, run, number, events, agents } = Object(value) as Partial<FleetReport>
  return (
    form === reportForm &&
    typeof run === 'string' &&
    Number.isSafeInteger(number) &&
    Array.isArray(events) &&
    Array.isArray(agents)
  )
}

/** Returns whether an agent does nothing. */
export const isQuiet = ({ state, turns, openRequests }: AgentStatus): boolean =>
  state === 'idle' && turns.running + turns.queued + openRequests === 0
