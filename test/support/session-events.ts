import { TurnReducer, type TurnReducerOptions } from '../../src/actors/turn/reducer/reducer.ts'
import type { OpenCodeEvent } from '../../src/replies.ts'

/** Session of the events, and its prompt. */
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

/** Returns an assistant message that answers the prompt. */
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

/** Returns a part of the answer that is not text: the start or end of a step, or an unknown part. */
export const otherPart = (type: string, id = `prt_${type}`) =>
  event('message.part.updated', { part: { id, sessionID, messageID: 'msg_a', type, text: 'none' } })

/** Returns the text of a user message; `synthetic` if the server created it. */
export const userText = (messageID: string, synthetic = false) =>
  event('message.part.updated', {
    part: { id: `prt_${messageID}`, sessionID, messageID, type: 'text', text: 'go on', synthetic },
  })

/** Returns a call of a tool in a state; pending by default. */
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

/** Returns a reducer of the session's turn after the given events, and its outputs. */
export function play(events: readonly OpenCodeEvent[], mask?: TurnReducerOptions['mask']) {
  const reducer = new TurnReducer({
    sessionId: sessionID,
    messageId: promptID,
    traceId: null,
    ...(mask && { mask }),
  })
  return { reducer, outputs: events.flatMap((each) => [...reducer.push(each)]) }
}
