import type { AgentStatus } from '../../../../web/src/api/types.ts'

/** Returns the status of an agent. */
export const status = (id: string, more: Partial<AgentStatus> = {}): AgentStatus => ({
  id,
  tenant: 'default',
  state: 'idle',
  restarts: 0,
  turns: { running: 0, queued: 0, max: 16 },
  open_requests: 0,
  ...more,
})
