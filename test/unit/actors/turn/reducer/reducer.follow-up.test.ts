import { describe, expect, it } from 'vitest'
import { TurnReducer } from '../../../../../src/actors/turn/reducer/reducer.ts'
import type { OpenCodeEvent, TurnOutput } from '../../../../../src/replies.ts'
import {
  answer,
  delta,
  event,
  part,
  prompt,
  promptID,
  sessionID,
  status,
  userMessage,
} from '../../../../support/session-events.ts'

const busy = status({ type: 'busy' })
const idle = event('session.idle')
const time = { created: 1, completed: 2 }
const aborted = event('session.error', {
  error: { name: 'MessageAbortedError', data: { message: 'Aborted' } },
})
const usage = (output: number) => ({
  cost: 0,
  tokens: { input: 1, output, reasoning: 0, cache: { read: 0, write: 0 } },
})

const held = (...events: OpenCodeEvent[]) => {
  const reducer = new TurnReducer({
    sessionId: sessionID,
    messageId: promptID,
    traceId: null,
    holdsEnd: () => true,
  })
  const push = (more: readonly OpenCodeEvent[]): TurnOutput[] =>
    more.flatMap((each) => [...reducer.push(each)])
  return { reducer, push, outputs: push(events) }
}

const second = (more: Record<string, unknown> = {}) =>
  event('message.updated', {
    info: { id: 'msg_b', sessionID, role: 'assistant', parentID: 'msg_v', ...more },
  })
const ofSecond = (text: string) =>
  event('message.part.updated', {
    part: { id: 'prt_2', sessionID, messageID: 'msg_b', type: 'text', text, time: { start: 1, end: 2 } },
  })

describe('A held end', () => {
  it('emits no terminal reply, and stays the first of several ends', () => {
    const { reducer, push, outputs } = held(prompt, busy, aborted, idle)
    expect(outputs).toEqual([])
    expect(reducer.held).toMatchObject({ failure: { code: 'cancelled' } })
    push([answer({ finish: 'stop', time }), idle])
    expect(reducer.held).toMatchObject({ failure: { code: 'cancelled' } })
    expect(reducer.done).toBe(false)
    expect(reducer.release()).toMatchObject([{ reply: { kind: 'error', code: 'cancelled' } }])
    expect(reducer.done).toBe(true)
  })

  it('is followed by a further prompt, whose end ends the turn with the text and usage of both', () => {
    const { reducer, push } = held(
      ...[prompt, busy, answer(usage(3)), part('prt_1', ''), delta('prt_1', 'so ')],
      ...[answer({ finish: 'stop', time, ...usage(3) }), idle],
    )
    reducer.goOn('msg_v')
    expect(reducer.held).toBeUndefined()
    expect(reducer.hasReported).toBe(false)
    push([idle, aborted, answer({ finish: 'stop', time, ...usage(3) })])
    push([userMessage('msg_v'), busy, second(usage(4)), ofSecond('far')])
    push([second({ finish: 'stop', time, ...usage(4) }), idle])
    expect(reducer.release()).toMatchObject([
      { reply: { kind: 'final', content: 'so far', usage: { output_tokens: 7 } } },
    ])
  })

  it('gives way to a local end', () => {
    const { reducer } = held(prompt, busy, aborted, idle)
    const cause = { code: 'deadline_exceeded', error: 'too late' } as const
    expect(reducer.settle(cause)).toMatchObject([{ reply: { code: 'deadline_exceeded' } }])
    expect(reducer.release()).toEqual([])
  })
})
