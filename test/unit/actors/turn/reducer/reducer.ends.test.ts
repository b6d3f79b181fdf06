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

describe('how a turn ends', () => {
  it.each([
    ['by the first of several errors', [prompt, busy, failed('first'), failed('second'), idle], 'first'],
    [
      'by an error after an answer that would go on',
      [prompt, busy, answer({ finish: 'tool-calls', time }), failed('late'), idle],
      'late',
    ],
    [
      'by an error that only a summary came after',
      [prompt, busy, failed('overflow'), answer({ summary: true, finish: 'stop', time }), idle],
      'overflow',
    ],
    ['by an error that comes after idle', [prompt, busy, idle, failed('late')], 'late'],
    ['as aborted, where an answer ended without a finish', [prompt, busy, answer({ time }), idle], 'Aborted'],
    [
      'not by an error that an answer came after',
      [prompt, busy, failed('old'), answer({ time }), idle],
      'Aborted',
    ],
  ])('%s', (_how, events, error) => {
    expect(play(...events)).toMatchObject([{ reply: { kind: 'error', error } }])
  })

  it('by an answer that is whole, whatever error comes after it', () => {
    const outputs = play(prompt, busy, answer({ finish: 'stop', time }), failed('late'), idle)
    expect(outputs).toMatchObject([{ reply: { kind: 'final', finish_reason: 'stop' } }])
  })

  it.each([
    ['what comes before its prompt: that is of a turn before', [busy, failed('no'), idle]],
    ['an idle before it was busy', [prompt, idle]],
    ['an idle with an answer that has not ended', [prompt, busy, answer(), idle]],
    ['an error while it is busy', [prompt, busy, failed('no')]],
    ['an error, when it is busy again after an idle', [prompt, busy, idle, busy, failed('no')]],
    ['an error, when it answers again after an idle', [prompt, busy, idle, answer(), failed('no')]],
    ['an error of no known shape', [prompt, busy, idle, event('session.error', { error: {} })]],
    ['a retry before its prompt: that is of a turn before', [retry]],
    [
      'an answer to another prompt',
      [prompt, busy, answer({ parentID: 'msg_other', finish: 'stop', time }), idle],
    ],
  ])('is not by %s', (_what, events) => {
    expect(play(...events)).toEqual([])
  })
})

describe('an answer to another message of the session', () => {
  const answered = answer({ parentID: 'msg_2', finish: 'stop', time })
  it.each([
    [
      'ends it where the server made the message',
      [prompt, busy, userMessage('msg_2'), userText('msg_2', true)],
      1,
    ],
    ['does not where somebody else did', [prompt, busy, userMessage('msg_2'), userText('msg_2')], 0],
    [
      'does not where the message came before',
      [userMessage('msg_2'), userText('msg_2', true), prompt, busy],
      0,
    ],
  ])('%s', (_what, events, replies) => {
    expect(play(...events, answered, idle)).toHaveLength(replies)
  })
})

describe('text that is none of the answer', () => {
  it.each([
    ['of a summary', [prompt, busy, answer({ summary: true }), part('prt_1', ''), delta('prt_1', 'so')]],
    [
      'of another field',
      [prompt, busy, answer(), part('prt_1', ''), event('message.part.delta', of({ field: 'input' }))],
    ],
    [
      'that is no text',
      [prompt, busy, answer(), part('prt_1', ''), event('message.part.delta', of({ delta: 5 }))],
    ],
    ['of a part of another type', [prompt, busy, answer(), otherPart('snapshot')]],
    ['of an unknown message', [prompt, busy, part('prt_1', ''), delta('prt_1', 'so')]],
  ])('is not told: %s', (_what, events) => {
    expect(play(...events)).toEqual([])
  })

  it('is told before it, where it is', () => {
    expect(play(prompt, busy, ...text)).toMatchObject([{ reply: { kind: 'delta', content: 'so' } }])
  })
})

/** A delta of the answer's part, but for what is said. */
function of(more: Record<string, unknown>) {
  return { messageID: 'msg_a', partID: 'prt_1', field: 'text', delta: 'so', ...more }
}

describe('a turn that finds its prompt after a gap', () => {
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
    ['the latest', [user('msg_1'), answered('msg_1'), user('msg_2'), answered('msg_2')], true],
    ['none that the server made', [user('msg_1'), answered('msg_1'), user('msg_s', sessionID, [made])], true],
    ['none of another session', [user('msg_1'), answered('msg_1'), user('msg_2', 'ses_other')], true],
    ['one that has no answer yet', [user('msg_1'), answered('msg_1'), user('msg_2')], false],
    ['none among what is no message', [null, user('msg_1'), answered('msg_1'), { info: 7 }], true],
  ])('takes %s', (_which, messages, isDone) => {
    const reducer = new TurnReducer({ sessionId: sessionID, traceId: null })
    reducer.resync({ status: {}, messages, requests: [] }, false)
    expect(reducer.done).toBe(isDone)
  })
})
