import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { TurnReducer } from '../../src/actors/reducer.ts'
import type { OpenCodeEvent, TurnOutput } from '../../src/replies.ts'

interface Recording {
  about: string
  sessionID: string
  userMessageID: string
  traceId: string
  events: OpenCodeEvent[]
  expected: { replies: unknown[]; retries: unknown[]; requests: unknown[] }
}

const folder = new URL('../fixtures/streams/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
const load = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recording

function play(recording: Recording): TurnOutput[] {
  const { sessionID: sessionId, userMessageID: messageId, traceId } = recording
  const reducer = new TurnReducer({ sessionId, messageId, traceId })
  return recording.events.flatMap((event) => [...reducer.push(event)])
}

describe('TurnReducer on streams recorded from the real server', () => {
  it.each(names)('%s gives its replies, retries and requests exactly', (name) => {
    const recording = load(name)
    const outputs = play(recording)
    const { replies, retries, requests } = recording.expected
    expect(outputs.flatMap((o) => (o.type === 'reply' ? [o.reply] : []))).toEqual(replies)
    expect(outputs.flatMap((o) => (o.type === 'retry' ? [{ attempt: o.attempt, message: o.message }] : []))).toEqual(
      retries,
    )
    const asked = outputs.flatMap((o) =>
      o.type === 'request'
        ? [{ type: o.request.type, id: o.request.id, session: o.request.child ? 'child' : 'root' }]
        : [],
    )
    expect(asked).toEqual(requests)
  })
})
