import type { TurnCause } from '../../actors/turn/refusal.ts'
import { messageOf } from '../../util/messages.ts'
import { ClusterStoreError } from '../store/cluster-store.ts'

/** Returns the reason for the end of a turn that the inbox has not taken. */
export function notSent(error: unknown): TurnCause {
  const fault = error instanceof ClusterStoreError ? error.fault : undefined
  if (fault === 'full')
    return {
      code: 'overloaded',
      error: 'Too many turns wait for this agent, or too many large ones in the cluster',
    }
  if (fault === 'no_room')
    return { code: 'overloaded', error: `The turn could not be sent: ${messageOf(error)}` }
  if (fault === 'too_large')
    return {
      code: 'rejected',
      error:
        'The turn is larger than 32 MB, with its attachments as base64: send smaller attachments, or put the files into the directory of the agent',
    }
  if (fault === 'denied')
    return { code: 'rejected', error: `The turn could not be sent: ${messageOf(error)}` }
  return { code: 'server_unavailable', error: `The turn could not be sent: ${messageOf(error)}` }
}

/** Reason for the end of a turn that no host has ended in time. */
export const notEnded: TurnCause = {
  code: 'server_unavailable',
  error: 'No host of the cluster ended the turn in time',
}

/** Returns the reason for the end of a turn whose records are nowhere. */
export const notFound = (turnId: string): TurnCause => ({
  code: 'rejected',
  error: `No host has begun a turn with the id ${JSON.stringify(turnId)}: the id is wrong, or the turn is older than a day`,
})

/** Reason for the end of a turn whose texts were deleted. */
export const erasedTurn: TurnCause = {
  code: 'rejected',
  error: 'The texts of the turn were deleted with its session or agent',
}

/** Returns the reason for the end of a turn whose log cannot be read. */
export const notReadable = (error: unknown): TurnCause => ({
  code: 'server_unavailable',
  error: `The turn could not be found: ${messageOf(error)}`,
})

/** Returns the reason for the end of a turn whose id another agent has. */
export const otherAgent = (turnId: string): TurnCause => ({
  code: 'rejected',
  error: `The turn id ${JSON.stringify(turnId)} belongs to a turn of another agent`,
})

/** Reason for the end of a turn whose caller has closed the connection. The turn itself may go on. */
export const connectionClosed: TurnCause = {
  code: 'server_unavailable',
  error: 'The connection to the cluster was closed; attach to the turn by its id to read on',
}
