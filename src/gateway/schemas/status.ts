import { z } from 'zod'
import type { FleetStatus } from '../../api/fleet/types.ts'
import type { SeenAgent } from '../events/agent-source.ts'
import { loadSchema, statusSchema } from './agent.ts'
import { named } from './named.ts'
import { wireTexts } from './wire-texts.ts'

/** Error of an agent's server. */
export const lifecycleError = () => z.strictObject({ code: z.string(), message: z.string() })

/** Status of the fleet, as far as the caller sees it. */
export const fleetStatus = named('FleetStatus', () =>
  z.strictObject({
    at: z.number().describe('Epoch ms'),
    servers: z.strictObject({ running: z.int(), starting: z.int(), max: z.int() }),
    turns: loadSchema(),
    memory: z.strictObject({ used_mb: z.number(), budget_mb: z.number() }),
    agents: z.array(statusSchema()),
    tenants: z.record(z.string(), z.strictObject({ weight: z.number(), turns: loadSchema() })),
  }),
)

/** Returns the status of an agent as the wire has it. */
export function statusOnWire(
  { reason, memoryMb, openRequests, lastUsedAt, error, hostId, ...status }: SeenAgent,
  mask: (text: string) => string = (text) => text,
): z.output<ReturnType<typeof statusSchema>> {
  return {
    ...status,
    ...(reason !== undefined && { reason: wireTexts(reason) }),
    ...(memoryMb !== undefined && { memory_mb: memoryMb }),
    open_requests: openRequests,
    ...(lastUsedAt !== undefined && { last_used_at: lastUsedAt }),
    ...(error && { error: { code: error.code, message: mask(wireTexts(error.message)) } }),
    ...(hostId !== undefined && { host_id: hostId }),
  }
}

/** Returns the status of a fleet as the wire has it. */
export const fleetOnWire = (
  { memory, agents, ...status }: FleetStatus,
  mask: (text: string) => string,
): z.output<ReturnType<typeof fleetStatus>> => ({
  ...status,
  memory: { used_mb: memory.usedMb, budget_mb: memory.budgetMb },
  agents: agents.map((agent) => statusOnWire(agent, mask)),
})
