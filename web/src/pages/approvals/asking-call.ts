import { useEffect, useState } from 'preact/hooks'
import type { PendingRequest } from '../../api/types.ts'
import type { AskingCall } from './asked.ts'
import { findCall } from './find-call.ts'

/**
 * Tool call that asks. `absent`: the request names no call, or the replies have none, as for a subagent's calls.
 * `failed`: the view could not read the replies.
 */
export type CallState =
  | { state: 'loading' }
  | { state: 'found'; call: AskingCall }
  | { state: 'absent' }
  | { state: 'failed'; message: string }

/** Time after which the search for a call fails, in ms. */
const searchMs = 10_000

/** Calls that were found, by the ids of their requests, so that a card that comes back shows its call at once. */
const found = new Map<string, AskingCall>()

/** Most calls that are remembered. */
const most = 200

/** Returns the tool call that asks for a request, and a function that looks for it again. */
export function useAskingCall({ request, turn_id }: PendingRequest): [CallState, () => void] {
  const callId = request.type === 'permission' && !request.child ? request.tool?.call_id : undefined
  const [state, setState] = useState<CallState>(() => firstState(request.id, callId))
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    if (callId === undefined || found.has(request.id)) return undefined
    const gone = new AbortController()
    setState({ state: 'loading' })
    const limit = AbortSignal.any([gone.signal, AbortSignal.timeout(searchMs)])
    void findCall(turn_id, callId, limit).then(
      (call) => setState(noted(request.id, call)),
      (error: unknown) => {
        if (!gone.signal.aborted) setState({ state: 'failed', message: messageOf(error) })
      },
    )
    return () => gone.abort()
  }, [request.id, turn_id, callId, attempt])
  return [state, () => setAttempt(attempt + 1)]
}

function firstState(requestId: string, callId: string | undefined): CallState {
  const call = found.get(requestId)
  if (call) return { state: 'found', call }
  return callId === undefined ? { state: 'absent' } : { state: 'loading' }
}

function noted(requestId: string, call: AskingCall | undefined): CallState {
  if (!call) return { state: 'absent' }
  found.set(requestId, call)
  const [oldest] = found.keys()
  if (found.size > most && oldest !== undefined) found.delete(oldest)
  return { state: 'found', call }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.name === 'TimeoutError' ? 'The gateway did not answer in time.' : error.message
}
