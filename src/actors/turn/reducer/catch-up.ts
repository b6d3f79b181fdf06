import type { OpenCodeEvent } from '../../../replies.ts'
import { asList, isFields, parseMessage, parsePart, partsOf } from '../../../io/opencode/wire.ts'

/**
 * What the server says after a gap, as it answers it: `GET /session/status`, `GET /session/{id}/message`,
 * and the entries of `GET /permission` and `GET /question` in one list.
 */
export interface TurnSnapshot {
  status: unknown
  messages: unknown
  requests: unknown
}

/** A snapshot's messages, told as the events that would have told them. */
export function messageEvents(messages: unknown): OpenCodeEvent[] {
  return asList(messages)
    .filter(isFields)
    .flatMap((entry) => [
      { type: 'message.updated', properties: { info: entry['info'] } },
      ...partsOf(entry).map((part) => ({ type: 'message.part.updated', properties: { part } })),
    ])
}

/** A snapshot's pending requests, told as the events that would have told them. */
export function requestEvents(requests: unknown): OpenCodeEvent[] {
  return asList(requests)
    .filter(isFields)
    .map((properties) => ({
      type: 'permission' in properties ? 'permission.asked' : 'question.asked',
      properties,
    }))
}

/** The session's latest user message that is not the server's own: the prompt of a turn that does not know it. */
export function latestPrompt(messages: unknown, sessionId: string): string | undefined {
  const prompts = asList(messages).flatMap((entry) => {
    const message = isFields(entry) ? parseMessage(entry['info']) : undefined
    const isPrompt = message?.role === 'user' && message.sessionId === sessionId
    return isPrompt && !partsOf(entry).some((part) => parsePart(part)?.synthetic) ? [message.id] : []
  })
  return prompts.at(-1)
}
