import type { PendingRequest } from '../../../../web/src/api/types.ts'

/** Returns a request for a permission. */
export const pendingAt = (id: string, at: number, agent = 'a1'): PendingRequest => ({
  request: {
    type: 'permission',
    id,
    session_id: 'ses_1',
    child: false,
    permission: 'bash',
    patterns: ['ls'],
    metadata: {},
  },
  turn_id: 'turn_1',
  trace_id: null,
  at,
  expires_at: at + 300_000,
  agent_id: agent,
  tenant: 't1',
})
