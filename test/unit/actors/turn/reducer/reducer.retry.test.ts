import { describe, expect, it } from 'vitest'
import type { OpenCodeEvent, TurnOutput } from '../../../../../src/index.ts'
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
} from '../../../../support/session-events.ts'

const retry = status({ type: 'retry', attempt: 1, message: 'upstream down', next: 2 })

const begun = [prompt, status({ type: 'busy' }), answer(), part('prt_1', ''), delta('prt_1', 'first try')]

const play = (...events: OpenCodeEvent[]) => played(events)
const last = (outputs: readonly TurnOutput[]) => outputs.at(-1)

describe('Text of a failed attempt of the provider', () => {
  it('is removed from the answer when the retry emits text', () => {
    const { outputs } = play(
      ...begun,
      retry,
      status({ type: 'busy' }),
      part('prt_2', ''),
      delta('prt_2', 'second try'),
      part('prt_2', 'second try', 3),
      answer({ finish: 'stop', time: { completed: 4 } }),
      status({ type: 'idle' }),
    )
    expect(last(outputs)).toMatchObject({ reply: { kind: 'final', content: 'second try' } })
  })

  it('stays in the answer if the failure was of a child session', () => {
    const child = { sessionID: 'ses_2' }
    const { outputs } = play(
      ...begun,
      event('session.created', { ...child, info: { id: 'ses_2', parentID: sessionID } }),
      event('session.status', { ...retry.properties, ...child }),
      part('prt_2', ', and on', 3),
      answer({ finish: 'stop', time: { completed: 4 } }),
      status({ type: 'idle' }),
    )
    expect(outputs.filter(({ type }) => type === 'retry')).toHaveLength(1)
    expect(last(outputs)).toMatchObject({ reply: { kind: 'final', content: 'first try, and on' } })
  })

  it('stays in the answer if its step finished, because the notice was an old one', () => {
    const { outputs } = play(
      prompt,
      answer(),
      otherPart('step-start'),
      part('prt_1', 'all of it', 2),
      retry,
      part('prt_2', '', 3),
      otherPart('step-finish'),
      answer({ finish: 'stop', time: { completed: 4 } }),
      status({ type: 'idle' }),
    )
    expect(last(outputs)).toMatchObject({ reply: { kind: 'final', content: 'all of it' } })
  })

  it('is the partial answer if the turn ends before the retry emits text', () => {
    const { reducer } = play(...begun, retry)
    expect(reducer.settle({ code: 'provider_unavailable', error: 'upstream down' })).toEqual([
      {
        type: 'reply',
        reply: {
          kind: 'error',
          trace_id: null,
          error: 'upstream down',
          code: 'provider_unavailable',
          retryable: true,
          partial: 'first try',
        },
      },
    ])
  })
})
