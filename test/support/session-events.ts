import { TurnReducer, type TurnReducerOptions } from '../../src/actors/turn/reducer/reducer.ts'
import type { OpenCodeEvent } from '../../src/replies.ts'

/** The session that these events are of, and its prompt. */
export const sessionID = 'ses_1'
export const promptID = 'msg_u'

/** Returns an event of the session in opencode's form, without an id. */
export const event = (type: string, properties: Record<string, unknown> = {}): OpenCodeEvent => ({
  type,
  properties: { sessionID, ...properties },
})

export const status = (value: Record<string, unknown>) => event('session.status', { status: value })

export const userMessage = (id: string) => event('message.updated', { info: { id, sessionID, role: 'user' } })

export const prompt = userMessage(promptID)

/** An assistant message that answers the prompt. */
export const answer = (more: Record<string, unknown> = {}) =>
  event('message.updated', {
    info: { id: 'msg_a', sessionID, role: 'assistant', parentID: promptID, ...more },
  })

export const part = (id: string, text: string, end?: number) =>
  event('message.part.updated', {
    part: { id, sessionID, messageID: 'msg_a', type: 'text', text, time: { start: 1, ...(end && { end }) } },
  })

export const delta = (partID: string, text: string) =>
  event('message.part.delta', { messageID: 'msg_a', partID, field: 'text', delta: text })

/** A part of the answer that is no text: a step's beginning or end, or what is not known. */
export const otherPart = (type: string, id = `prt_${type}`) =>
  event('message.part.updated', { part: { id, sessionID, messageID: 'msg_a', type, text: 'none' } })

/** The text of a user message; `synthetic` where the server itself made it. */
export const userText = (messageID: string, synthetic = false) =>
  event('message.part.updated', {
    part: { id: `prt_${messageID}`, sessionID, messageID, type: 'text', text: 'go on', synthetic },
  })

/** A call of a tool, at one of its states: by default not yet run. */
export const toolCall = (messageID: string, state: object = { status: 'pending', input: {} }) =>
  event('message.part.updated', {
    part: {
      id: `prt_${messageID}`,
      sessionID,
      messageID,
      type: 'tool',
      tool: 'bash',
      callID: `call_${messageID}`,
      state,
    },
  })

/** A turn of the session to which these events came, and what it gave. */
export function play(events: readonly OpenCodeEvent[], mask?: TurnReducerOptions['mask']) {
  const reducer = new TurnReducer({
    sessionId: sessionID,
    messageId: promptID,
    traceId: null,
    ...(mask && { mask }),
  })
  return { reducer, outputs: events.flatMap((each) => [...reducer.push(each)]) }
}
