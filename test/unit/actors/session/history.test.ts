import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { historyOf, type HistoryTurn } from '../../../../src/actors/session/history.ts'
import { joined } from '../../../../src/actors/session/joined.ts'
import type { OpenCodeEvent, Reply } from '../../../../src/replies.ts'
import {
  play,
  recordings,
  recordingOf,
  repliesOf,
  ServerState,
  type Recording,
} from '../../../support/recordings.ts'
import { expectWellFormed } from '../../../support/replies.ts'

const names = [...recordings.keys()]
const runs = (numRuns: number) => ({ numRuns })

/** Returns the session of an event of a recording. */
const sessionsIn = ({ events, sessionID }: Recording): string[] => {
  const ids = events.flatMap(({ properties }) => {
    const { info, sessionID: own } = properties as { info?: { sessionID?: string }; sessionID?: string }
    return info?.sessionID ?? own ?? []
  })
  return [...new Set(ids)].filter((id) => id !== sessionID)
}

/** Returns the history of a recording's session from the messages that the server has after some of its events. */
function historyAfter(
  recording: Recording,
  events: readonly OpenCodeEvent[] = recording.events,
): HistoryTurn[] {
  const state = new ServerState(events)
  const messagesOf = (id: string) => state.messages(id) as unknown[]
  const childMessages = sessionsIn(recording).flatMap(messagesOf)
  const { sessionID: sessionId } = recording
  return historyOf({ sessionId, messages: messagesOf(sessionId), childMessages })
}

const turnOf = (recording: Recording, turns = historyAfter(recording)): HistoryTurn | undefined =>
  turns.find(({ messageId }) => messageId === recording.userMessageID)

const liveOf = (recording: Recording): Reply[] =>
  joined(recording.expected.replies.map((reply) => ({ ...reply, trace_id: null })))

/** Recordings whose live replies opencode does not store in full, and the replies that it stores. */
const stored: Record<string, { why: string; replies: object[] }> = {
  'streams/bad-model': {
    why: 'the error has no message',
    replies: [{ kind: 'error', code: 'cancelled' }],
  },
  'recorded/abort-early': {
    why: 'the recording ends before the turn',
    replies: [{ kind: 'error', code: 'cancelled' }],
  },
  'recorded/bad-directory': {
    why: 'the error has no message',
    replies: [{ kind: 'error', code: 'server_died' }],
  },
  'recorded/server-killed-text': {
    why: 'the text had not ended',
    replies: [{ kind: 'error', code: 'server_died' }],
  },
  'recorded/contextoverflow': {
    why: 'only the last of two errors is stored',
    replies: [{ kind: 'error', code: 'context_overflow' }],
  },
  'recorded/text-reason-text': {
    why: 'the reasoning lies within a part of text',
    replies: [
      { kind: 'delta', content: 'AB' },
      { kind: 'reasoning', content: 'mid' },
      { kind: 'final', content: 'AB' },
    ],
  },
  'recorded/cut-midstream': {
    why: 'the text of the retried attempt is not stored',
    replies: [
      { kind: 'delta', content: 'One two three' },
      { kind: 'final', content: 'One two three' },
    ],
  },
  'recorded/error-chunk': {
    why: 'the text of the retried attempt is not stored',
    replies: [
      { kind: 'delta', content: 'whole' },
      { kind: 'final', content: 'whole' },
    ],
  },
  'recorded/cut-midtool': {
    why: 'the text of the retried attempt is not stored',
    replies: [
      { kind: 'tool_call' },
      { kind: 'tool_result' },
      { kind: 'tool_call' },
      { kind: 'tool_result' },
      { kind: 'delta', content: 'end' },
      { kind: 'final', content: 'end' },
    ],
  },
}

/** The server rejects this prompt, so that no message is stored. */
const rejected = 'recorded/bad-agent'

describe('historyOf', () => {
  const whole = names.filter((name) => !(name in stored) && name !== rejected)
  it.each(whole)('equals what was told live: %s', (name) => {
    const recording = recordingOf(name)
    expect(turnOf(recording)?.replies).toEqual(liveOf(recording))
  })

  it.each(Object.keys(stored))('gives what opencode has stored: %s', (name) => {
    const replies = turnOf(recordingOf(name))?.replies
    expect(replies).toMatchObject(stored[name]?.replies ?? [])
    expect(replies).toHaveLength(stored[name]?.replies.length ?? 0)
  })

  it('has no turn for a prompt that the server rejected', () => {
    expect(historyAfter(recordingOf(rejected))).toEqual([])
  })

  it('has the prompt, its time, and the usage of a turn, also of a turn that failed', () => {
    const recording = recordingOf('recorded/usage-rich')
    const final = recording.expected.replies.at(-1)
    expect(turnOf(recording)).toMatchObject({
      text: 'please go',
      attachments: [],
      usage: final?.kind === 'final' ? final.usage : undefined,
    })
    const failed = turnOf(recordingOf('recorded/length-tool'))
    expect(failed?.at).toBeGreaterThan(1_700_000_000_000)
    expect(failed?.usage.input_tokens).toBeGreaterThan(0)
  })

  it('tells several turns of one session apart', () => {
    fc.assert(
      fc.property(fc.subarray(whole, { minLength: 1, maxLength: 8 }), (some) => {
        const all = some.map(recordingOf).sort((a, b) => createdAt(a) - createdAt(b))
        const histories = all.map((recording) => historyAfter(recording))
        const states = all.map(({ events }) => new ServerState(events))
        const together = historyOf({
          sessionId: 'ses_one',
          messages: all.flatMap(({ sessionID }, i) => moved(states[i]?.messages(sessionID), 'ses_one')),
          childMessages: all.flatMap((recording, i) =>
            sessionsIn(recording).flatMap((id) => states[i]?.messages(id) as unknown[]),
          ),
        })
        expect(together.map(({ replies }) => replies)).toEqual(histories.flat().map(({ replies }) => replies))
      }),
      runs(200),
    )
  })

  it('has one end for each turn, whenever the server died, and no more text than was told live', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(200), (name, place) => {
        const recording = recordingOf(name)
        const events = recording.events.slice(0, place % (recording.events.length + 1))
        const live = textOf(repliesOf(play(recording, events)))
        for (const { replies, messageId } of historyAfter(recording, events)) {
          expectWellFormed(replies)
          expect(replies.filter(({ kind }) => kind === 'final' || kind === 'error')).toHaveLength(1)
          expect(joined(replies)).toEqual(replies)
          expect(replies.every(({ trace_id }) => trace_id === null)).toBe(true)
          if (messageId === recording.userMessageID) expect(live).toContain(textOf(replies))
        }
      }),
      runs(500),
    )
  })

  it('never throws, whatever the server answers', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(fc.anything()), fc.nat(100), (name, garbage, at) => {
        const recording = recordingOf(name)
        const messages = new ServerState(recording.events).messages(recording.sessionID) as unknown[]
        const mixed = messages.toSpliced(at % (messages.length + 1), 0, ...garbage)
        const history = historyOf({ sessionId: recording.sessionID, messages: mixed, childMessages: garbage })
        for (const { replies } of history) expectWellFormed(replies)
      }),
      runs(300),
    )
  })
})

const textOf = (replies: readonly Reply[]): string =>
  replies.map((reply) => (reply.kind === 'delta' ? reply.content : '')).join('')

/** Returns the time of a recording's first message. */
const createdAt = ({ events }: Recording): number => {
  const [first] = events.flatMap(({ properties }) => {
    const { time } = (properties['info'] ?? {}) as { time?: { created?: number } }
    return time?.created ?? []
  })
  return first ?? 0
}

/** Returns messages as messages of another session. */
const moved = (messages: unknown, sessionID: string): unknown[] =>
  (messages as { info: object; parts: object[] }[]).map(({ info, parts }) => ({
    info: { ...info, sessionID },
    parts: parts.map((part) => ({ ...part, sessionID })),
  }))
