import { describe, expect, it } from 'vitest'
import { TurnReducer, type OpenCodeEvent, type TurnOutput } from '../../../../../src/index.ts'
import {
  answer,
  event,
  play,
  prompt,
  promptID,
  sessionID,
  status,
} from '../../../../support/session-events.ts'

const input = { command: 'ls' }
const messages = ['msg_1', 'msg_2', 'msg_3']

const callPart = (messageID: string, callID: string, state: object) => ({
  id: `prt_${messageID}`,
  sessionID,
  messageID,
  type: 'tool',
  tool: 'bash',
  callID,
  state,
})
const called = (...args: Parameters<typeof callPart>): OpenCodeEvent =>
  event('message.part.updated', { part: callPart(...args) })
const completed = (output: string) => ({ status: 'completed', input, output })

/** Returns the events of one step: an answer that calls a tool with this id. */
const step = (messageID: string, callID: string): OpenCodeEvent[] => [
  answer({ id: messageID }),
  called(messageID, callID, { status: 'pending', input: {} }),
  called(messageID, callID, { status: 'running', input }),
  called(messageID, callID, completed(messageID)),
]
const steps = (callID: string) => [prompt, ...messages.flatMap((id) => step(id, callID))]

/** Returns the ids of the emitted calls, and of the results with their text. */
function idsIn(outputs: readonly TurnOutput[]) {
  const replies = outputs.flatMap((output) => (output.type === 'reply' ? [output.reply] : []))
  return {
    calls: replies.flatMap((reply) => (reply.kind === 'tool_call' ? [reply.call_id] : [])),
    results: replies.flatMap((reply) =>
      reply.kind === 'tool_result' ? [[reply.call_id, reply.result]] : [],
    ),
  }
}

const snapshot = (callID: string) => ({
  status: { [sessionID]: { type: 'busy' } },
  requests: [],
  messages: [
    { info: { id: promptID, sessionID, role: 'user' }, parts: [] },
    ...messages.map((id) => ({
      info: { id, sessionID, role: 'assistant', parentID: promptID },
      parts: [callPart(id, callID, completed(id))],
    })),
  ],
})

describe.each([
  ['the same id', 'call_0', ['call_0', 'call_0#2', 'call_0#3']],
  ['an empty id', '', ['prt_msg_1', 'prt_msg_2', 'prt_msg_3']],
])('The calls of a provider that gives each step %s', (_what, callID, ids) => {
  const all = { calls: ids, results: ids.map((id, i) => [id, messages[i]]) }

  it('are emitted each, with an id of their own', () => {
    expect(idsIn(play(steps(callID)).outputs)).toEqual(all)
  })

  it('have the same ids in a snapshot', () => {
    const reducer = new TurnReducer({ sessionId: sessionID, messageId: promptID, traceId: null })
    expect(idsIn(reducer.resync(snapshot(callID)))).toEqual(all)
  })

  it('are emitted once if a snapshot repeats the first steps', () => {
    const { reducer, outputs } = play([prompt, ...step('msg_1', callID)])
    expect(idsIn([...outputs, ...reducer.resync(snapshot(callID))])).toEqual(all)
  })

  it('are named by their own ids in requests', () => {
    const running = step('msg_2', callID).slice(0, 3)
    const asked = event('permission.asked', {
      id: 'per_1',
      permission: 'bash',
      patterns: [],
      tool: { messageID: 'msg_2', callID },
    })
    const { outputs } = play([prompt, status({ type: 'busy' }), ...step('msg_1', callID), ...running, asked])
    expect(outputs.at(-1)).toMatchObject({ type: 'request', request: { tool: { callId: ids[1] } } })
  })
})

it('A made id gives way to an id that a provider gave', () => {
  const events = [prompt, ...step('msg_1', 'a'), ...step('msg_2', 'a#2'), ...step('msg_3', 'a')]
  expect(idsIn(play(events).outputs).calls).toEqual(['a', 'a#2', 'a#3'])
})
