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
  toolCall,
} from '../../../../support/session-events.ts'

const key = 'sk-secret'
const mask = (text: string) => text.replaceAll(key, '***')

const play = (...events: OpenCodeEvent[]) => played(events, mask)

const time = { created: 1, completed: 2 }
/** Returns the events of completed answers, one for each given set of fields. */
const ended = (...answers: Record<string, unknown>[]) =>
  answers.map((more, i) => answer({ id: `msg_${i}`, time, ...more }))
const error = (message: string) => ({ name: 'UnknownError', data: { message } })

describe('TurnReducer.unfinished', () => {
  it.each([
    ['no answer', [], 0],
    ['an answer with an unknown finish', [{ finish: 'unknown' }], 1],
    ['two answers with an unknown finish', [{ finish: 'unknown' }, { finish: 'unknown' }], 2],
    ['no answer before a finished answer', [{ finish: 'unknown' }, { finish: 'stop' }], 0],
    [
      'only the answer after a finished answer',
      [{ finish: 'unknown' }, { finish: 'stop' }, { finish: 'unknown' }],
      1,
    ],
    [
      'a tool-calls finish without a call, once the next answer has begun',
      [{ finish: 'unknown' }, { finish: 'tool-calls' }, { time: { created: 1 } }],
      2,
    ],
    [
      'no latest tool-calls finish, whose call may follow',
      [{ finish: 'unknown' }, { finish: 'tool-calls' }],
      1,
    ],
    ['no summary', [{ finish: 'unknown' }, { finish: 'stop', summary: true }, { finish: 'unknown' }], 2],
    ['no incomplete answer', [{ finish: 'unknown' }, { finish: 'unknown', time: { created: 1 } }], 1],
  ])('counts %s', (_what, answers, times) => {
    expect(play(prompt, ...ended(...answers)).reducer.unfinished).toBe(times)
  })

  it('counts a tool-calls finish without a call once its step has ended', () => {
    const { reducer } = play(prompt, answer({ finish: 'tool-calls', time }), otherPart('step-finish'))
    expect(reducer.unfinished).toBe(1)
  })

  it('does not count an answer that called a tool', () => {
    const { reducer } = play(prompt, ...ended({ finish: 'tool-calls' }), toolCall('msg_0'))
    expect(reducer.unfinished).toBe(0)
  })
})

describe('TurnReducer.overflows', () => {
  it.each([
    ['an answer without a finish', [{}], 1],
    [
      'two answers without a finish, with a summary between them',
      [{}, { summary: true, finish: 'stop' }, {}],
      2,
    ],
    ['no finished answer', [{}, { finish: 'stop' }], 0],
    ['no failed answer', [{}, { error: error('no') }], 0],
  ])('counts %s', (_what, answers, times) => {
    expect(play(prompt, ...ended(...answers)).reducer.overflows).toBe(times)
  })
})

describe('TurnReducer.compactions', () => {
  const round = [{ finish: 'stop' }, { summary: true, finish: 'stop' }]
  it.each([
    ['no finished answer', [{ finish: 'stop' }], 0],
    ['each summary after a finished answer', [...round, ...round, ...round], 3],
    ['a summary that has only begun', [...round, { summary: true, time: { created: 1 } }], 2],
  ])('counts %s', (_what, answers, times) => {
    expect(play(prompt, ...ended(...answers)).reducer.compactions).toBe(times)
  })

  it('begins anew after an answer that called a tool', () => {
    const events = ended(...round, { finish: 'tool-calls' }, ...round)
    expect(play(prompt, ...events, toolCall('msg_2')).reducer.compactions).toBe(1)
  })
})

describe('TurnReducer.hasSpoken', () => {
  it.each([
    ['the prompt alone', [prompt, status({ type: 'busy' })], false],
    ['the beginning of an answer', [prompt, answer()], true],
    ['an error', [event('session.error', { error: error('no') })], true],
  ])('after %s is as expected', (_what, events, has) => {
    expect(play(...events).reducer.hasReported).toBe(has)
  })
})

describe('TurnReducer.push', () => {
  it('does not end the turn on an error and idle before the prompt, because they may belong to an earlier turn', () => {
    const { outputs } = play(event('session.error', { error: error('no') }), event('session.idle'))
    expect(outputs).toEqual([])
  })
})

describe('Secrets in messages of the server', () => {
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

  it('are masked in a retry notice and in a local failure', () => {
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

describe('A session that a child session of the turn created', () => {
  const begun = (id: string, parentID: string) =>
    event('session.created', { sessionID: id, info: { id, parentID } })
  const asked = (id: string) =>
    event('permission.asked', { id: `per_${id}`, sessionID: id, permission: 'bash', patterns: ['*'] })

  it('belongs to the turn; a child of another session does not', () => {
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

describe('A turn without a message id', () => {
  it('takes the first user message of its own session as its prompt, not the message of a child session', () => {
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

describe('A tool call', () => {
  const call = (state: object) => toolCall('msg_a', state)
  const input = { command: 'ls' }
  const called = { kind: 'tool_call', call_id: 'call_msg_a', tool: 'bash', args: input }
  const failed = { kind: 'tool_result', call_id: 'call_msg_a', tool: 'bash', result: 'no', success: false }
  const emitted = (...states: object[]) =>
    play(prompt, answer(), ...states.map(call)).outputs.map((output) => 'reply' in output && output.reply)

  it('is emitted when its input is known', () => {
    expect(emitted({ status: 'pending' }, { status: 'running' })).toEqual([])
    expect(
      emitted({ status: 'running' }, { status: 'running', input }, { status: 'running', input }),
    ).toMatchObject([called])
  })

  it('is emitted at its end at the latest, with one result', () => {
    const end = { status: 'error', error: 'no' }
    expect(emitted({ status: 'running' }, { ...end, input }, { ...end, input })).toMatchObject([
      called,
      failed,
    ])
    expect(emitted(end)).toMatchObject([{ ...called, args: {} }, failed])
  })
})

describe('A value of an unknown shape', () => {
  it('as a snapshot changes nothing', () => {
    const { reducer } = play(prompt, status({ type: 'busy' }))
    expect(reducer.resync(null as never)).toEqual([])
    expect(reducer.resync('idle' as never)).toEqual([])
    expect(reducer.done).toBe(false)
  })

  it('as the message of a local failure is replaced by the code', () => {
    const settled = play(prompt).reducer.settle({ code: 'stalled', error: undefined as never })
    expect(settled).toMatchObject([{ reply: { kind: 'error', code: 'stalled', error: 'stalled' } }])
  })
})

describe('A repeated event', () => {
  const numbered = (each: OpenCodeEvent, id: string): OpenCodeEvent => ({ ...each, id })
  it('is ignored while its id is among the latest 10 000 ids, in any sort order, and counts again later', () => {
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

describe('Events of the session', () => {
  const retry = { type: 'retry', attempt: 2, message: 'too many requests', next: 1234 }

  it('report a retry with its time', () => {
    expect(play(prompt, status(retry)).outputs).toEqual([
      { type: 'retry', attempt: 2, message: 'too many requests', nextAt: 1234 },
    ])
  })

  it('report no error if an event of another kind has an error field', () => {
    const { reducer } = play(prompt, status({ type: 'busy' }), event('session.diff', { error: error('no') }))
    expect(reducer.hasReported).toBe(false)
  })

  it('report the error of the session in preference to the error of an answer', () => {
    const { outputs } = play(
      prompt,
      status({ type: 'busy' }),
      ...ended({ error: error('of the answer') }),
      event('session.error', { error: error('of the session') }),
      event('session.idle'),
    )
    expect(outputs).toMatchObject([{ reply: { kind: 'error', error: 'of the session' } }])
  })

  it('are replaced by the status of a snapshot, also if the status stands alone', () => {
    const { reducer } = play(prompt)
    expect(reducer.resync({ status: { type: 'busy' }, messages: [], requests: [] })).toEqual([])
    expect(reducer.done).toBe(false)
  })

  it('end in a failure that is not retryable if a snapshot has an idle session without an answer', () => {
    const { reducer } = play(prompt)
    expect(reducer.resync({ status: {}, messages: [], requests: [] })).toMatchObject([
      { reply: { kind: 'error', code: 'internal', retryable: false } },
    ])
  })

  it.each([
    ['a known code stays', { name: 'APIError', data: { statusCode: 401, message: 'no' } }, 'auth'],
    ['an unknown error means rejected', error('no'), 'rejected'],
  ])('with an error before the prompt became a message end the turn: %s', (_what, of, code) => {
    const { reducer } = play(event('session.error', { error: of }))
    expect(reducer.resync({ status: {}, messages: [], requests: [] })).toMatchObject([{ reply: { code } }])
  })
})
