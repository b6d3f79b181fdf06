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

describe('text of an attempt that the provider failed', () => {
  it('is no part of the answer once the retry says something', () => {
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

  it('is part of it where it was a child whose provider failed', () => {
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

  it('is part of it where its step finished after all: the notice was an old one', () => {
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

  it('is what there was, where the turn ends before that', () => {
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
