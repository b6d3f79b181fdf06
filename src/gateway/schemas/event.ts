import { z } from 'zod'
import { messageWithoutPaths } from '../../errors.ts'
import type { ReportedLifecycle } from '../../cluster/reports/fleet-report.ts'
import type { Lifecycle } from '../../machines/lifecycle.ts'
import type { SeenEvent } from '../events/agent-source.ts'
import { usageSchema } from './common.ts'
import { named } from './named.ts'
import { pendingRequest, requestOnWire } from './request.ts'
import { lifecycleStates } from './agent.ts'
import { lifecycleError } from './status.ts'
import { wireTexts } from './wire-texts.ts'

const lifecycle = named('Lifecycle', () =>
  z.strictObject({
    state: z.enum(lifecycleStates),
    at: z.number().describe('Epoch ms'),
    pid: z.int().optional(),
    base_url: z.string().optional(),
    restarts: z.int().min(0),
    reason: z.string().optional(),
    error: lifecycleError().optional(),
  }),
)

/** Event of the fleet, as the data of a server-sent event of its type. */
export const fleetEvent = named('FleetEvent', () => {
  const common = {
    seq: z.int().min(1).describe('Id of the event, which grows'),
    at: z.number().describe('Epoch ms'),
    agent_id: z.string(),
    tenant: z.string(),
    host_id: z.string().optional().describe('Other host of the cluster, which has reported the event'),
  }
  const turn = { turn_id: z.string(), trace_id: z.string().nullable() }
  const one = <const T extends readonly string[], S extends z.ZodRawShape>(types: T, shape: S) =>
    z.strictObject({ type: z.enum(types), ...common, ...shape })
  return z.union([
    one(['agent.added', 'agent.changed', 'agent.removed'], {}),
    one(['agent.lifecycle'], { lifecycle: lifecycle() }),
    one(['agent.evicted'], { reason: z.enum(['place', 'memory', 'idle']) }),
    one(['turn.queued', 'turn.started'], turn),
    one(['turn.ended'], { ...turn, code: z.string(), usage: usageSchema() }),
    one(['request.opened'], { turn_id: z.string(), pending: pendingRequest() }),
    one(['request.closed'], {
      turn_id: z.string(),
      request_id: z.string(),
      by: z.enum(['answer', 'timeout', 'turn']),
    }),
  ])
})

/** Event of the fleet on the wire. */
export type WireEvent = z.output<ReturnType<typeof fleetEvent>>

/** Returns an event of the fleet as the wire has it, with another number. */
export function eventOnWire(event: SeenEvent, seq: number, mask: (text: string) => string): WireEvent {
  const { at, agentId: agent_id, tenant, hostId } = event
  const common = { seq, at, agent_id, tenant, ...(hostId !== undefined && { host_id: hostId }) }
  switch (event.type) {
    case 'agent.lifecycle':
      return { type: event.type, ...common, lifecycle: lifecycleOnWire(event.lifecycle, mask) }
    case 'agent.evicted':
      return { type: event.type, ...common, reason: event.reason }
    case 'turn.queued':
    case 'turn.started':
      return { type: event.type, ...common, turn_id: event.turnId, trace_id: event.traceId }
    case 'turn.ended': {
      const { type, turnId: turn_id, traceId: trace_id, code, usage } = event
      return { type, ...common, turn_id, trace_id, code, usage }
    }
    case 'request.opened':
      return { type: event.type, ...common, turn_id: event.turnId, pending: requestOnWire(event.pending) }
    case 'request.closed': {
      const { type, turnId: turn_id, requestId: request_id, by } = event
      return { type, ...common, turn_id, request_id, by }
    }
    default:
      return { type: event.type, ...common }
  }
}

function lifecycleOnWire(
  { baseURL, reason, error, ...state }: Lifecycle | ReportedLifecycle,
  mask: (text: string) => string,
): z.output<ReturnType<typeof lifecycle>> {
  return {
    ...state,
    ...(baseURL !== undefined && { base_url: baseURL }),
    ...(reason !== undefined && { reason: wireTexts(reason) }),
    ...(error && { error: { code: error.code, message: mask(wireTexts(messageWithoutPaths(error))) } }),
  }
}
