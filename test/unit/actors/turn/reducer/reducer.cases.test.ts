import { describe, expect, it } from 'vitest'
import { TurnReducer } from '../../../../../src/index.ts'
import type { OpenCodeEvent } from '../../../../../src/index.ts'
import {
  answer,
  delta,
  event,
  part,
  play as played,
  prompt,
  sessionID,
  status,
  toolCall,
} from '../../../../support/session-events.ts'

const key = 'sk-secret'
const mask = (text: string) => text.replaceAll(key, '***')

const play = (...events: OpenCodeEvent[]) => played(events, mask)

const time = { created: 1, completed: 2 }
/** Answers that ended, each with what is said of it. */
const ended = (...answers: Record<string, unknown>[]) =>
  answers.map((more, i) => answer({ id: `msg_${i}`, time, ...more }))
const error = (message: string) => ({ name: 'UnknownError', data: { message } })

describe('how often in a row an answer ended without a finish that the server takes for one', () => {
  it.each([
    ['no answer', [], 0],
    ['an unknown one', [{ finish: 'unknown' }], 1],
    ['two unknown ones', [{ finish: 'unknown' }, { finish: 'unknown' }], 2],
    ['an end', [{ finish: 'unknown' }, { finish: 'stop' }], 0],
    ['an unknown one after an end', [{ finish: 'unknown' }, { finish: 'stop' }, { finish: 'unknown' }], 1],
    ['a call that is none', [{ finish: 'unknown' }, { finish: 'tool-calls' }], 2],
    ['a summary', [{ finish: 'unknown' }, { finish: 'stop', summary: true }, { finish: 'unknown' }], 2],
    ['one that has not ended', [{ finish: 'unknown' }, { finish: 'unknown', time: { created: 1 } }], 1],
  ])('counts %s', (_what, answers, times) => {
    expect(play(prompt, ...ended(...answers)).reducer.unfinished).toBe(times)
  })

  it('does not count one that called a tool', () => {
    const { reducer } = play(prompt, ...ended({ finish: 'tool-calls' }), toolCall('msg_0'))
    expect(reducer.unfinished).toBe(0)
  })
})

describe('how often in a row the context overflowed', () => {
  it.each([
    ['an answer without any finish', [{}], 1],
    ['two of them, and the summary between', [{}, { summary: true, finish: 'stop' }, {}], 2],
    ['none that finished', [{}, { finish: 'stop' }], 0],
    ['none that failed', [{}, { error: error('no') }], 0],
  ])('counts %s', (_what, answers, times) => {
    expect(play(prompt, ...ended(...answers)).reducer.overflows).toBe(times)
  })
})

describe('whether the server has said anything of the turn', () => {
  it.each([
    ['not by the prompt', [prompt, status({ type: 'busy' })], false],
    ['by an answer that begins', [prompt, answer()], true],
    ['by an error', [event('session.error', { error: error('no') })], true],
  ])('is so %s', (_what, events, has) => {
    expect(play(...events).reducer.hasSpoken).toBe(has)
  })
})

describe('an error before the prompt was seen', () => {
  it('ends nothing by an idle that follows: it may be of a turn before', () => {
    const { outputs } = play(event('session.error', { error: error('no') }), event('session.idle'))
    expect(outputs).toEqual([])
  })
})

describe('secrets in what the server says', () => {
  const failed = error(`key ${key} refused`)
  it.each([
    ['the error of the session', [event('session.error', { error: failed }), event('session.idle')]],
    ['the error of an answer', [answer({ time, error: failed }), event('session.idle')]],
    [
      'the error of a summary',
      [answer({ id: 'msg_s', summary: true, time, error: failed }), event('session.idle')],
    ],
  ])('are masked in %s', (_what, events) => {
    const { outputs } = play(prompt, status({ type: 'busy' }), ...events)
    expect(outputs).toMatchObject([{ reply: { kind: 'error', error: 'key *** refused' } }])
  })

  it('are masked in a retry, and in a local cause', () => {
    const { outputs, reducer } = play(
      prompt,
      status({ type: 'retry', attempt: 1, message: `no ${key}`, next: 2 }),
    )
    expect(outputs).toMatchObject([{ type: 'retry', message: 'no ***' }])
    expect(reducer.settle({ code: 'internal', error: `so ${key}` })).toMatchObject([
      { reply: { error: 'so ***' } },
    ])
  })
})

describe('a session that a child of the turn has begun', () => {
  const begun = (id: string, parentID: string) =>
    event('session.created', { sessionID: id, info: { id, parentID } })
  const asked = (id: string) =>
    event('permission.asked', { id: `per_${id}`, sessionID: id, permission: 'bash', patterns: ['*'] })

  it("is the turn's too; one of another session is not", () => {
    const { outputs } = play(
      prompt,
      begun('ses_2', sessionID),
      begun('ses_3', 'ses_2'),
      begun('ses_5', 'ses_4'),
      asked('ses_3'),
      asked('ses_5'),
    )
    expect(outputs).toMatchObject([{ type: 'request', request: { id: 'per_ses_3', child: true } }])
  })
})

describe('a turn that does not know its prompt', () => {
  it('takes the first of its own session for it, not that of a child', () => {
    const reducer = new TurnReducer({ sessionId: sessionID, traceId: null })
    const child = { id: 'ses_2', parentID: sessionID }
    const events = [
      event('session.created', { sessionID: 'ses_2', info: child }),
      event('message.updated', {
        sessionID: 'ses_2',
        info: { id: 'msg_c', sessionID: 'ses_2', role: 'user' },
      }),
      prompt,
      answer({ time, finish: 'stop' }),
      status({ type: 'idle' }),
    ]
    const outputs = events.flatMap((each) => [...reducer.push(each)])
    expect(outputs).toMatchObject([{ reply: { kind: 'final', finish_reason: 'stop' } }])
  })
})

describe('a call of a tool', () => {
  const call = (state: object) => toolCall('msg_a', state)
  const input = { command: 'ls' }
  const called = { kind: 'tool_call', call_id: 'call_msg_a', tool: 'bash', args: input }
  const failed = { kind: 'tool_result', call_id: 'call_msg_a', tool: 'bash', result: 'no', success: false }
  const told = (...states: object[]) =>
    play(prompt, answer(), ...states.map(call)).outputs.map((output) => 'reply' in output && output.reply)

  it('is told once its input is known', () => {
    expect(told({ status: 'pending' }, { status: 'running' })).toEqual([])
    expect(
      told({ status: 'running' }, { status: 'running', input }, { status: 'running', input }),
    ).toMatchObject([called])
  })

  it('is told at its end at the latest, which is told once', () => {
    const end = { status: 'error', error: 'no' }
    expect(told({ status: 'running' }, { ...end, input }, { ...end, input })).toMatchObject([called, failed])
    expect(told(end)).toMatchObject([{ ...called, args: {} }, failed])
  })
})

describe('what is of no known shape', () => {
  it('changes nothing as a snapshot', () => {
    const { reducer } = play(prompt, status({ type: 'busy' }))
    expect(reducer.resync(null as never)).toEqual([])
    expect(reducer.resync('idle' as never)).toEqual([])
    expect(reducer.done).toBe(false)
  })

  it('is told by its code as a local cause', () => {
    const settled = play(prompt).reducer.settle({ code: 'stalled', error: undefined as never })
    expect(settled).toMatchObject([{ reply: { kind: 'error', code: 'stalled', error: 'stalled' } }])
  })
})

describe('an event that is seen again', () => {
  const numbered = (each: OpenCodeEvent, id: string): OpenCodeEvent => ({ ...each, id })
  it('counts once among the latest 10 000, wherever its id sorts, and anew when it is long forgotten', () => {
    const { reducer } = play(prompt, answer(), part('prt_1', ''))
    const first = numbered(delta('prt_1', 'x'), 'evt_first')
    const others = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        reducer.push({ id: `evt_${i}`, type: 'server.heartbeat', properties: {} })
    }
    expect(reducer.push(first)).toHaveLength(1)
    others(0, 9_999)
    expect(reducer.push(first)).toEqual([])
    others(9_999, 20_000)
    expect(reducer.push(first)).toHaveLength(1)
  })
})

describe('what is told of a session', () => {
  const retry = { type: 'retry', attempt: 2, message: 'too many requests', next: 1234 }

  it('is a retry with its time', () => {
    expect(play(prompt, status(retry)).outputs).toEqual([
      { type: 'retry', attempt: 2, message: 'too many requests', nextAt: 1234 },
    ])
  })

  it('is no error where an event of another kind carries one', () => {
    const { reducer } = play(prompt, status({ type: 'busy' }), event('session.diff', { error: error('no') }))
    expect(reducer.hasSpoken).toBe(false)
  })

  it('is its own error before that of an answer', () => {
    const { outputs } = play(
      prompt,
      status({ type: 'busy' }),
      ...ended({ error: error('of the answer') }),
      event('session.error', { error: error('of the session') }),
      event('session.idle'),
    )
    expect(outputs).toMatchObject([{ reply: { kind: 'error', error: 'of the session' } }])
  })

  it('is its status after a gap, also where that is told alone', () => {
    const { reducer } = play(prompt)
    expect(reducer.resync({ status: { type: 'busy' }, messages: [], requests: [] })).toEqual([])
    expect(reducer.done).toBe(false)
  })

  it('is an idle without an answer, which no retry would mend', () => {
    const { reducer } = play(prompt)
    expect(reducer.resync({ status: {}, messages: [], requests: [] })).toMatchObject([
      { reply: { kind: 'error', code: 'internal', retryable: false } },
    ])
  })

  it.each([
    ['keeps what is known of it', { name: 'APIError', data: { statusCode: 401, message: 'no' } }, 'auth'],
    ['is a refusal where nothing is', error('no'), 'rejected'],
  ])('is an error before the prompt became a message: it %s', (_what, of, code) => {
    const { reducer } = play(event('session.error', { error: of }))
    expect(reducer.resync({ status: {}, messages: [], requests: [] })).toMatchObject([{ reply: { code } }])
  })
})
