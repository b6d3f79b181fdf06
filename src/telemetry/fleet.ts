import type { Attributes } from '@opentelemetry/api'
import type { CompiledFleetOptions } from '../config/compiled-fleet.ts'
import type { FleetEmitted } from '../machines/fleet/fleet-context.ts'
import type { FleetActorRef } from '../machines/fleet/fleet-machine.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { logLabels, metricLabels } from './agent-labels.ts'
import type { Meters } from './meters.ts'
import { sharedTelemetry } from './telemetry.ts'

/** Number of a fleet's servers, by their state. */
interface Servers {
  starting: number
  running: number
}

/** Records the servers and evictions of a fleet, until the returned function is called. Never throws. */
export function followFleet(fleet: FleetActorRef, options: CompiledFleetOptions): () => void {
  const meters = sharedTelemetry()?.meters
  const stopCount = meters && countServers(fleet, meters)
  const evictions = fleet.on('agent.evicted', (eviction) => {
    logEviction(options, eviction)
    meters?.write('evictions', 1, evictionAttributes(options, eviction))
  })
  return () => {
    evictions.unsubscribe()
    stopCount?.()
  }
}

type Eviction = Extract<FleetEmitted, { type: 'agent.evicted' }>

function evictionAttributes({ values }: CompiledFleetOptions, eviction: Eviction): Attributes {
  const { agentId: id, tenant, reason } = eviction
  const { metricAttributes } = values.telemetry
  return { 'opencode_runtime.reason': reason, ...metricLabels({ id, tenant, metricAttributes }) }
}

function logEviction({ values }: CompiledFleetOptions, { agentId: id, tenant, reason }: Eviction): void {
  const fields = { ...logLabels({ id, tenant }), reason }
  ignoreErrors(() => values.logger?.info(fields, 'opencode server evicted'))
}

/** Keeps the number of servers that start and that run. */
function countServers(fleet: FleetActorRef, meters: Meters): () => void {
  let counted: Servers = { starting: 0, running: 0 }
  const count = (servers: Servers): void => {
    for (const state of ['starting', 'running'] as const) {
      const change = servers[state] - counted[state]
      if (change !== 0) meters.write('servers', change, { 'opencode_runtime.server.state': state })
    }
    counted = servers
  }
  const subscription = fleet.subscribe(({ context: { agents } }) => {
    const { placed } = agents
    const starting = placed.filter(({ stage }) => stage === 'starting').length
    count({ starting, running: placed.length - starting })
  })
  return () => {
    subscription.unsubscribe()
    count({ starting: 0, running: 0 })
  }
}
