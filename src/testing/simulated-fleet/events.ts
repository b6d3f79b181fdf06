import type { OpenCodeEvent } from '../../replies.ts'

/** Prompt of a session, by the ids that its events name. */
export interface PromptIds {
  sessionId: string
  messageId: string
}

const statusOf = (sessionID: string, type: 'busy' | 'idle'): OpenCodeEvent => ({
  type: 'session.status',
  properties: { sessionID, status: { type } },
})

/** Returns the events of a prompt that was received. */
export const begunEvents = ({ sessionId: sessionID, messageId: id }: PromptIds): OpenCodeEvent[] => [
  { type: 'message.updated', properties: { info: { id, role: 'user', sessionID } } },
  statusOf(sessionID, 'busy'),
]

/** Returns the events of an answer, until the session is idle. */
export function answerEvents({ sessionId: sessionID, messageId }: PromptIds, text: string): OpenCodeEvent[] {
  const id = `${messageId}_answer`
  const info = { id, role: 'assistant', sessionID, parentID: messageId, time: { created: 1 } }
  const part = { id: `${id}_text`, messageID: id, sessionID, type: 'text', text, time: { start: 1, end: 2 } }
  const ended = { ...info, finish: 'stop', time: { created: 1, completed: 2 } }
  return [
    { type: 'message.updated', properties: { info } },
    { type: 'message.part.updated', properties: { part } },
    { type: 'message.updated', properties: { info: ended } },
    ...idleEvents(sessionID),
  ]
}

/** Returns the events of a session that has become idle. */
export const idleEvents = (sessionID: string): OpenCodeEvent[] => [
  statusOf(sessionID, 'idle'),
  { type: 'session.idle', properties: { sessionID } },
]

/** Returns the pending request for a permission, as the server lists it. */
export const permissionRequest = (id: string, sessionID: string, permission: string) => ({
  id,
  sessionID,
  permission,
  patterns: ['*'],
  metadata: {},
  always: [],
})
