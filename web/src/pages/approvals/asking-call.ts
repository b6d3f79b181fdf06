import type { PendingRequest } from '../../api/types.ts'
import { useQuery, type Query } from '../../app/query.ts'
import type { AskingCall } from './asked.ts'
import { findCall } from './find-call.ts'

/** Time after which the search for a call fails, in ms. */
const searchMs = 10_000

/**
 * Returns the tool call that asks for a request. The call is `undefined` if the request names none, or if the replies
 * of its turn have none, as for the calls of a subagent.
 */
export function useAskingCall({ request, turn_id }: PendingRequest): Query<AskingCall | undefined> {
  const callId = request.type === 'permission' && !request.child ? request.tool?.call_id : undefined
  return useQuery(`call of ${request.id}`, async (signal) =>
    callId === undefined
      ? undefined
      : findCall(turn_id, callId, AbortSignal.any([signal, AbortSignal.timeout(searchMs)])),
  )
}
