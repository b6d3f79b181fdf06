import type { OpenCodeEvent } from '../../../replies.ts'
import { asList, isFields, parseMessage, parsePart, partsOf } from '../../../io/opencode/wire.ts'

/**
 * State of a turn's server after missed events, in the form of its responses: `GET /session/status`, `GET
 * /session/{id}/message`, and the entries of `GET /permission` and `GET /question` in one list.
 */
export interface TurnSnapshot {
  status: unknown
  messages: unknown
  requests: unknown
}

/** Converts a snapshot's messages to the events that would have reported the messages. */
export function messageEvents(messages: unknown): OpenCodeEvent[] {
  return asList(messages)
    .filter(isFields)
    .flatMap((entry) => [
      { type: 'message.updated', properties: { info: entry['info'] } },
      ...partsOf(entry).map((part) => ({ type: 'message.part.updated', properties: { part } })),
    ])
}

/** Converts a snapshot's pending requests to the events that would have reported the requests. */
export function requestEvents(requests: unknown): OpenCodeEvent[] {
  return asList(requests)
    .filter(isFields)
    .map((properties) => ({
      type: 'permission' in properties ? 'permission.asked' : 'question.asked',
      properties,
    }))
}

/**
 * Returns the id of the session's latest user message that the server did not create itself: the prompt of a
 * turn that does not know its prompt's id.
 */
export function latestPrompt(messages: unknown, sessionId: string): string | undefined {
  const prompts = asList(messages).flatMap((entry) => {
    const message = isFields(entry) ? parseMessage(entry['info']) : undefined
    const isPrompt = message?.role === 'user' && message.sessionId === sessionId
    return isPrompt && !partsOf(entry).some((part) => parsePart(part)?.synthetic) ? [message.id] : []
  })
  return prompts.at(-1)
}
