import { describe, expect, it } from 'vitest'
import { TurnReducer, type TurnReducerOptions } from '../../../../../src/actors/turn/reducer/reducer.ts'
import type { OpenCodeEvent } from '../../../../../src/replies.ts'
import {
  answer,
  delta,
  event,
  part,
  prompt,
  promptID,
  sessionID,
  status,
  toolCall,
} from '../../../../support/session-events.ts'

const busy = status({ type: 'busy' })
const idle = event('session.idle')
const time = { created: 1, completed: 2 }
const asking = event('message.updated', {
  info: { id: promptID, sessionID, role: 'user', format: { type: 'json_schema', schema: {}, retryCount: 0 } },
})
const call = (status: string) =>
  event('message.part.updated', {
    part: {
      ...{
        id: 'prt_call',
        sessionID,
        messageID: 'msg_a',
        type: 'tool',
        tool: 'StructuredOutput',
        callID: 'call_1',
      },
      state: { status, input: { n: 1 }, output: 'Structured output captured successfully.' },
    },
  })
const thought = event('message.part.updated', {
  part: {
    id: 'prt_r',
    sessionID,
    messageID: 'msg_a',
    type: 'reasoning',
    text: 'hm',
    time: { start: 1, end: 2 },
  },
})
const wordsOnly = {
  name: 'StructuredOutputError',
  data: { message: 'Model did not produce structured output', retries: 0 },
}

function play(
  events: readonly OpenCodeEvent[],
  options: Partial<TurnReducerOptions> = { isStructured: true },
) {
  const reducer = new TurnReducer({ sessionId: sessionID, messageId: promptID, traceId: 't1', ...options })
  return { reducer, outputs: events.flatMap((each) => [...reducer.push(each)]) }
}

const structured = answer({ finish: 'tool-calls', structured: { n: 1 }, time })
const whole = [
  ...[
    prompt,
    busy,
    answer(),
    part('prt_1', ''),
    delta('prt_1', 'so '),
    thought,
    part('prt_1', 'so be it', 2),
  ],
  ...[call('running'), call('completed'), structured, idle],
]

describe('A turn with a structured answer', () => {
  it('emits reasoning, then the value as JSON in one piece, and neither the words nor the tool', () => {
    const { outputs } = play(whole)
    expect(outputs.map((output) => output.type === 'reply' && output.reply)).toEqual([
      { kind: 'reasoning', trace_id: 't1', content: 'hm' },
      { kind: 'delta', trace_id: 't1', content: '{"n":1}' },
      expect.objectContaining({ kind: 'final', trace_id: 't1', content: '{"n":1}', finish_reason: 'stop' }),
    ])
  })

  it('is recognised by its prompt, as stored messages show it', () => {
    const live = play(whole)
    const [, ...rest] = whole
    expect(play([asking, ...rest], {}).outputs).toEqual(live.outputs)
    const parts = [thought, call('completed')].map(({ properties }) => properties['part'])
    const messages = [
      { info: asking.properties['info'], parts: [] },
      { info: structured.properties['info'], parts },
    ]
    const { reducer } = play([], {})
    expect(reducer.resync({ status: {}, messages, requests: [] })).toEqual(live.outputs)
  })

  it('shows the other tools, and the tool of the same name if no structured answer was asked for', () => {
    const shown = (events: readonly OpenCodeEvent[], options?: Partial<TurnReducerOptions>) =>
      play(events, options).outputs.map((output) => output.type === 'reply' && output.reply.kind)
    const running = { status: 'running', input: { command: 'ls' } }
    expect(shown([prompt, busy, answer(), toolCall('msg_a', running), call('running')])).toEqual([
      'tool_call',
    ])
    expect(shown([prompt, busy, answer(), call('running')], {})).toEqual(['tool_call'])
  })

  it('ends with invalid_output, which is retryable, if the model answers in words', () => {
    const { outputs } = play([
      ...[prompt, busy, answer(), part('prt_1', 'just words', 2)],
      ...[answer({ finish: 'stop', error: wordsOnly, time }), idle],
    ])
    expect(outputs).toMatchObject([{ reply: { kind: 'error', code: 'invalid_output', retryable: true } }])
    expect(outputs[0]).not.toHaveProperty('reply.partial')
  })

  it('has no partial text when it ends for a local reason', () => {
    const { reducer } = play(whole.slice(0, 7))
    const [output] = reducer.settle({ code: 'deadline_exceeded', error: 'too late' })
    expect(output).toMatchObject({ reply: { code: 'deadline_exceeded' } })
    expect(output).not.toHaveProperty('reply.partial')
  })

  it('can end with a failure in place of the held answer', () => {
    const { reducer, outputs } = play(whole, { isStructured: true, holdsEnd: () => true })
    expect(outputs).toHaveLength(1)
    expect(reducer.held).toEqual({ finish: 'stop', structured: { n: 1 } })
    const failure = { code: 'invalid_output', error: 'n: too small', retryable: true } as const
    expect(reducer.release(failure)).toEqual([
      { type: 'reply', reply: { kind: 'error', trace_id: 't1', ...failure } },
    ])
  })
})
