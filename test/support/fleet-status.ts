import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AgentStatus, FleetStatus } from '../../src/api/fleet/types.ts'
import { statusFile } from '../../src/io/fleet/fleet-folder.ts'

/** Returns the status of an agent; `over` replaces fields. */
export const agentStatus = (id: string, over: Partial<AgentStatus> = {}): AgentStatus => ({
  id,
  tenant: 'default',
  state: 'idle',
  restarts: 0,
  turns: { running: 0, queued: 0, max: 16 },
  openRequests: 0,
  ...over,
})

/** Returns the status of a fleet with these agents; `over` replaces fields. */
export const statusWith = (agents: AgentStatus[], over: Partial<FleetStatus> = {}): FleetStatus => ({
  at: Date.now(),
  servers: { running: 3, starting: 1, max: 16 },
  turns: { running: 5, queued: 12, max: 64 },
  memory: { usedMb: 1900, budgetMb: 12_000 },
  agents,
  tenants: { default: { weight: 1, turns: { running: 5, queued: 12, max: 64 } } },
  ...over,
})

/** Writes a status file as a fleet leaves it. */
export function leaveStatus(dataDir: string, content: string | FleetStatus): void {
  const file = statusFile(dataDir)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify({ format: 1, ...content }))
}
