import { describe, expect, it } from 'vitest'
import { isTerminal } from '../../../../../src/replies.ts'
import {
  play,
  recordingOf,
  recordings,
  reducerOf,
  repliesOf,
  requestsOf,
  retriesOf,
} from '../../../../support/recordings.ts'

describe('TurnReducer, on a stream recorded from the real server', () => {
  it.each([...recordings.keys()])('emits exactly the expected replies, retries and requests: %s', (name) => {
    const recording = recordingOf(name)
    const outputs = play(recording)
    expect(repliesOf(outputs)).toEqual(recording.expected.replies)
    expect(retriesOf(outputs)).toEqual(recording.expected.retries)
    expect(requestsOf(outputs)).toEqual(recording.expected.requests)
  })

  it.each([...recordings.keys()])(
    'emits one terminal reply if a local failure ends the turn after the stream: %s',
    (name) => {
      const recording = recordingOf(name)
      const reducer = reducerOf(recording)
      const outputs = recording.events.flatMap((event) => [...reducer.push(event)])
      const settled = reducer.settle({ code: 'server_died', error: 'gone' })
      expect(repliesOf([...outputs, ...settled]).filter(isTerminal)).toHaveLength(1)
      expect(reducer.settle({ code: 'cancelled', error: 'again' })).toEqual([])
    },
  )
})
