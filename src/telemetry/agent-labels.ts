import type { Attributes } from '@opentelemetry/api'
import type { AgentName } from '../config/compiled-options.ts'

/**
 * Returns the agent of a fleet to which a server belongs, and its present tenant; `undefined` for a server without a
 * fleet. Called for each report, because the tenant of a running server may change.
 */
export type ReadAgent = () => AgentName | undefined

/** Names of an agent and of its tenant in spans and metrics. */
const names = { agent: 'opencode_runtime.agent.id', tenant: 'opencode_runtime.tenant' } as const

/** Returns the attributes of a span that name an agent and its tenant. */
export function spanLabels(agent: AgentName | undefined): Attributes {
  return agent ? { [names.agent]: agent.id, [names.tenant]: agent.tenant } : {}
}

/** Returns the attributes of a metric that name an agent and its tenant: only those that the fleet's options ask for. */
export function metricLabels(agent: AgentName | undefined): Attributes {
  const wanted = agent?.metricAttributes ?? []
  return {
    ...(agent && wanted.includes('agent') && { [names.agent]: agent.id }),
    ...(agent && wanted.includes('tenant') && { [names.tenant]: agent.tenant }),
  }
}

/** Returns the fields of a log line that name an agent and its tenant, as in a fleet's events. */
export function logLabels(agent: AgentName | undefined): { agentId?: string; tenant?: string } {
  return agent ? { agentId: agent.id, tenant: agent.tenant } : {}
}
