import { z } from 'zod'
import type { TurnStatus } from '../../actors/turn/turn-record.ts'
import { named } from './named.ts'
import { pendingRequest } from './request.ts'
import { numberedReply } from './turn.ts'

/** Data of the event `status` of a turn. */
export const turnStatus = named('TurnStatus', () =>
  z.strictObject({
    state: z.enum(['queued', 'waiting_for_server', 'running', 'retrying', 'resyncing', 'done']),
    at: z.number().describe('Epoch ms').optional(),
    attempt: z.int().optional(),
    message: z.string().optional(),
    next_at: z.number().describe('Time of the retry, in epoch ms').optional(),
  }),
)

/** Data of the events of a turn, by their names. */
export const turnEvents = named('TurnEvent', () =>
  z.union([
    numberedReply(),
    turnStatus(),
    pendingRequest(),
    z.strictObject({ request_id: z.string(), by: z.enum(['answer', 'timeout', 'turn']) }),
  ]),
)

/** Returns a status of a turn as the wire has it. */
export function statusEvent(status: TurnStatus): z.output<ReturnType<typeof turnStatus>> {
  const { at } = status
  if (status.state !== 'retrying')
    return { state: status.state === 'waitingForServer' ? 'waiting_for_server' : status.state, at }
  const { state, attempt, message, nextAt: next_at } = status
  return { state, at, attempt, message, next_at }
}
