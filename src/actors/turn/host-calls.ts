import { asList, isFields, parseMessage } from '../../io/opencode/wire.ts'
import type { OpenCodeEvent } from '../../replies.ts'
import type { HostCalls } from '../server/host-calls.ts'
import { hides } from './hidden-tools.ts'
import type { TurnReducer, TurnSnapshot } from './reducer/reducer.ts'
import { messageEvents } from './reducer/resync.ts'
import type { TurnRecord } from './turn-record.ts'

/** Calls of host tools in one attempt of a turn. */
export interface TurnHostCalls {
  onEvent(event: OpenCodeEvent): void
  /** Applies the server's state after missed events. */
  onSnapshot(snapshot: TurnSnapshot): void
  end(): void
}

/** Follows the calls of host tools in the session of a turn; `undefined` for a server without host tools. */
export function followHostCalls(
  calls: HostCalls | undefined,
  { id, plan, messageId }: TurnRecord,
  sessionId: string,
  reducer: TurnReducer,
): TurnHostCalls | undefined {
  if (!calls) return undefined
  const { onEvent, onRequests, end } = calls.follow({
    ...{ id, sessionId, traceId: plan.traceId, context: plan.context },
    isHidden: (key) => hides(plan.hidden, key),
    // Calls of a child session have no replies. Providers may use the id of a call again in another session.
    callIdOf: (part, callSession) => {
      const callId = part.tool?.callId ?? ''
      return callSession === sessionId ? reducer.callIdOf(part.id, callId) : `${callId}@${part.id}`
    },
  })
  const onSnapshot = ({ messages, requests }: TurnSnapshot): void => {
    for (const event of messageEvents(since(messages, sessionId, messageId))) onEvent(event)
    onRequests(new Set(asList(requests).flatMap((entry) => (isFields(entry) ? [String(entry['id'])] : []))))
  }
  return { onEvent, onSnapshot, end }
}

/**
 * Returns the messages of child sessions, and those of the session after the prompt.
 *
 * @remarks Observed in opencode: tool calls of a server that died stay in the state `running`.
 */
function since(messages: unknown, sessionId: string, promptId: string): unknown[] {
  let isAfter = false
  return asList(messages).filter((entry) => {
    const message = isFields(entry) ? parseMessage(entry['info']) : undefined
    isAfter ||= message?.id === promptId
    return isAfter || message?.sessionId !== sessionId
  })
}
