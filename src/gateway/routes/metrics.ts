import { z } from 'zod'
import { isUnscoped, sees, type Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import type { Metric } from '../http/metric.ts'
import { plain } from '../http/answers.ts'
import { prometheusText } from '../http/prometheus.ts'
import { route } from '../http/route.ts'
import type { PartMaker } from '../part.ts'

/** Media type of the text format of Prometheus. */
const type = 'text/plain; version=0.0.4; charset=utf-8'

/** Route of the metrics. */
export const metricsPart: PartMaker = (_context, all) => ({
  routes: [
    route({
      id: 'readMetrics',
      method: 'get',
      path: '/metrics',
      tag: 'Metrics',
      summary: 'Reads metrics in the text format of Prometheus',
      scopes: ['read'],
      answers: { 200: { description: 'The metrics', schema: () => z.string(), types: ['text/plain'] } },
      handle({ context, caller }) {
        const parts = all().flatMap((part) => part.metrics?.(caller) ?? [])
        return plain(200, prometheusText([...metricsOf(context, caller), ...parts]), type)
      },
    }),
  ],
})

/** Returns the metrics of the agents that a caller may see, and of the host for a caller who may see all agents. */
function metricsOf(context: GatewayContext, caller: Caller): Metric[] {
  return [...agentMetrics(context, caller), ...(isUnscoped(caller) ? hostMetrics(context) : [])]
}

function agentMetrics(context: GatewayContext, caller: Caller): Metric[] {
  // Each host has metrics of its own.
  const agents = context.fleet.status.agents.filter((agent) => sees(caller, agent))
  const sumBy = (
    keyOf: (agent: (typeof agents)[number]) => string,
    valueOf: (agent: (typeof agents)[number]) => number,
    label: string,
  ) => {
    const sums = new Map<string, number>()
    for (const agent of agents) sums.set(keyOf(agent), (sums.get(keyOf(agent)) ?? 0) + valueOf(agent))
    return [...sums].map(([key, value]) => ({ value, labels: { [label]: key } }))
  }
  const tenantOf = ({ tenant }: { tenant: string }): string => tenant
  return [
    gauge(
      'agents',
      'Agents, by the state of their servers',
      sumBy(
        ({ state }) => state,
        () => 1,
        'state',
      ),
    ),
    gauge(
      'turns_running',
      'Turns that run, by tenant',
      sumBy(tenantOf, ({ turns }) => turns.running, 'tenant'),
    ),
    gauge(
      'turns_queued',
      'Turns that wait, by tenant',
      sumBy(tenantOf, ({ turns }) => turns.queued, 'tenant'),
    ),
    gauge(
      'requests_open',
      'Requests that wait for an answer',
      sumBy(tenantOf, ({ openRequests }) => openRequests, 'tenant'),
    ),
    counter(
      'server_restarts_total',
      'Restarts of servers',
      sumBy(tenantOf, ({ restarts }) => restarts, 'tenant'),
    ),
  ]
}

function hostMetrics({ fleet, log, requests, state }: GatewayContext): Metric[] {
  const { servers, memory, turns } = fleet.status
  const one = (value: number) => [{ value }]
  const mib = 1024 * 1024
  return [
    gauge('servers_running', 'Servers that are healthy', one(servers.running)),
    gauge('servers_starting', 'Servers that start', one(servers.starting)),
    gauge('servers_max', 'Limit of the servers', one(servers.max)),
    gauge('turns_max', 'Limit of the running turns', one(turns.max)),
    gauge('memory_used_bytes', 'Memory of all servers, measured or reserved', one(memory.usedMb * mib)),
    gauge('memory_budget_bytes', 'Limit of the memory of all servers', one(memory.budgetMb * mib)),
    gauge('gateway_ready', '1 if the gateway takes new turns', one(state.phase === 'ready' ? 1 : 0)),
    gauge('gateway_store_full', '1 if the store of turns is full', one(log.isFull ? 1 : 0)),
    counter('gateway_answers_total', 'Answers, by route and status code', requests.samples),
  ]
}

const prefix = 'opencode_'

const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({
  name: `${prefix}${name}`,
  help,
  type: 'gauge',
  samples,
})

const counter = (name: string, help: string, samples: Metric['samples']): Metric => ({
  name: `${prefix}${name}`,
  help,
  type: 'counter',
  samples,
})
