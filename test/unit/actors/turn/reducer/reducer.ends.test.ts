import { describe, expect, it } from 'vitest'
import { TurnReducer } from '../../../../../src/index.ts'
import type { OpenCodeEvent } from '../../../../../src/index.ts'
import {
  answer,
  delta,
  event,
  otherPart,
  part,
  play as played,
  prompt,
  sessionID,
  status,
  userMessage,
  userText,
} from '../../../../support/session-events.ts'

const play = (...events: OpenCodeEvent[]) => played(events).outputs

const busy = status({ type: 'busy' })
const idle = event('session.idle')
const time = { created: 1, completed: 2 }
const failed = (message: string) =>
  event('session.error', { error: { name: 'UnknownError', data: { message } } })
const retry = status({ type: 'retry', attempt: 1, message: 'upstream down', next: 2 })
const text = [answer(), part('prt_1', ''), delta('prt_1', 'so')]

describe('A turn', () => {
  it('ends as rejected if the permission of a repeated call was rejected, because opencode stops there', () => {
    const rejection = 'The user rejected permission to use this specific tool call'
    const outputs = play(prompt, busy, answer(), failed(`${rejection} with the following feedback: no`), idle)
    expect(outputs).toMatchObject([{ reply: { code: 'rejected', retryable: false } }])
    expect(outputs).toMatchObject([{ reply: { error: expect.stringContaining('doom_loop') as string } }])
  })

  it.each([
    ['with the first of several errors', [prompt, busy, failed('first'), failed('second'), idle], 'first'],
    [
      'with an error after an answer that asks for tools',
      [prompt, busy, answer({ finish: 'tool-calls', time }), failed('late'), idle],
      'late',
    ],
    [
      'with an error that only a summary followed',
      [prompt, busy, failed('overflow'), answer({ summary: true, finish: 'stop', time }), idle],
      'overflow',
    ],
    ['with an error that follows idle', [prompt, busy, idle, failed('late')], 'late'],
    ['as aborted if an answer completed without a finish', [prompt, busy, answer({ time }), idle], 'Aborted'],
    [
      'as aborted, not with an error that an answer followed',
      [prompt, busy, failed('old'), answer({ time }), idle],
      'Aborted',
    ],
  ])('ends %s', (_how, events, error) => {
    expect(play(...events)).toMatchObject([{ reply: { kind: 'error', error } }])
  })

  it('ends with a complete answer, also if an error follows', () => {
    const outputs = play(prompt, busy, answer({ finish: 'stop', time }), failed('late'), idle)
    expect(outputs).toMatchObject([{ reply: { kind: 'final', finish_reason: 'stop' } }])
  })

  it.each([
    ['events before its prompt, which belong to an earlier turn', [busy, failed('no'), idle]],
    ['idle before busy', [prompt, idle]],
    ['idle with an incomplete answer', [prompt, busy, answer(), idle]],
    ['an error while the session is busy', [prompt, busy, failed('no')]],
    ['an error after idle and busy again', [prompt, busy, idle, busy, failed('no')]],
    ['an error after idle and another answer', [prompt, busy, idle, answer(), failed('no')]],
    ['an error of an unknown shape', [prompt, busy, idle, event('session.error', { error: {} })]],
    ['a retry before its prompt, which belongs to an earlier turn', [retry]],
    [
      'an answer to another prompt',
      [prompt, busy, answer({ parentID: 'msg_other', finish: 'stop', time }), idle],
    ],
  ])('does not end after %s', (_what, events) => {
    expect(play(...events)).toEqual([])
  })
})

describe('An answer to another user message of the session', () => {
  const answered = answer({ parentID: 'msg_2', finish: 'stop', time })
  it.each([
    [
      'ends the turn if the server added the message',
      [prompt, busy, userMessage('msg_2'), userText('msg_2', true)],
      1,
    ],
    [
      'does not end the turn if another client sent the message',
      [prompt, busy, userMessage('msg_2'), userText('msg_2')],
      0,
    ],
    [
      'does not end the turn if the message precedes the prompt',
      [userMessage('msg_2'), userText('msg_2', true), prompt, busy],
      0,
    ],
  ])('%s', (_what, events, replies) => {
    expect(play(...events, answered, idle)).toHaveLength(replies)
  })
})

describe('Text that does not belong to the answer', () => {
  it.each([
    ['of a summary', [prompt, busy, answer({ summary: true }), part('prt_1', ''), delta('prt_1', 'so')]],
    [
      'of another field',
      [prompt, busy, answer(), part('prt_1', ''), event('message.part.delta', of({ field: 'input' }))],
    ],
    [
      'that is not a string',
      [prompt, busy, answer(), part('prt_1', ''), event('message.part.delta', of({ delta: 5 }))],
    ],
    ['of a part of another type', [prompt, busy, answer(), otherPart('snapshot')]],
    ['of an unknown message', [prompt, busy, part('prt_1', ''), delta('prt_1', 'so')]],
  ])('is not emitted: %s', (_what, events) => {
    expect(play(...events)).toEqual([])
  })

  it('does not suppress the text of the answer', () => {
    expect(play(prompt, busy, ...text)).toMatchObject([{ reply: { kind: 'delta', content: 'so' } }])
  })
})

/** Returns the properties of a delta of the answer's part, with the given changes. */
function of(more: Record<string, unknown>) {
  return { messageID: 'msg_a', partID: 'prt_1', field: 'text', delta: 'so', ...more }
}

describe('A turn that finds its prompt in a snapshot', () => {
  const user = (id: string, of = sessionID, parts: object[] = []) => ({
    info: { id, sessionID: of, role: 'user' },
    parts,
  })
  const answered = (parentID: string) => ({
    info: { id: `msg_of_${parentID}`, sessionID, role: 'assistant', parentID, finish: 'stop', time },
    parts: [],
  })
  const made = { id: 'prt_s', messageID: 'msg_s', sessionID, type: 'text', text: 'go on', synthetic: true }

  it.each([
    ['the latest user message', [user('msg_1'), answered('msg_1'), user('msg_2'), answered('msg_2')], true],
    [
      'no message that the server added',
      [user('msg_1'), answered('msg_1'), user('msg_s', sessionID, [made])],
      true,
    ],
    ['no message of another session', [user('msg_1'), answered('msg_1'), user('msg_2', 'ses_other')], true],
    ['a message without an answer', [user('msg_1'), answered('msg_1'), user('msg_2')], false],
    ['no entry that is not a message', [null, user('msg_1'), answered('msg_1'), { info: 7 }], true],
  ])('takes %s as its prompt', (_which, messages, isDone) => {
    const reducer = new TurnReducer({ sessionId: sessionID, traceId: null })
    reducer.resync({ status: {}, messages, requests: [] }, false)
    expect(reducer.done).toBe(isDone)
  })
})
