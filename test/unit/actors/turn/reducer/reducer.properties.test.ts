import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TurnReducer, TurnSnapshot } from '../../../../../src/actors/turn/reducer/reducer.ts'
import { isTerminal, type OpenCodeEvent, type Reply, type TurnOutput } from '../../../../../src/replies.ts'
import {
  play,
  recordingOf,
  recordings,
  reducerOf,
  repliesOf,
  retriesOf,
  ServerState,
  type Recording,
} from '../../../../support/recordings.ts'

const names = [...recordings.keys()]
const anyName = fc.constantFrom(...names)
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
const runs = (numRuns: number) => ({ numRuns })

const deltasOf = (replies: readonly Reply[]) =>
  replies.flatMap((reply) => (reply.kind === 'delta' ? [reply.content] : [])).join('')

/** Checks the invariants of the contract, which hold for the replies of any turn and any stream. */
function expectInvariants(outputs: readonly TurnOutput[], traceId: string): void {
  const replies = repliesOf(outputs)
  const called = new Set<string>()
  const ended = new Set<string>()
  replies.forEach((reply, i) => {
    expect(reply.trace_id).toBe(traceId)
    if (isTerminal(reply)) expect(i).toBe(replies.length - 1)
    if (reply.kind === 'delta' || reply.kind === 'reasoning') expect(reply.content).not.toBe('')
    if (reply.kind === 'tool_call') {
      expect(called).not.toContain(reply.call_id)
      called.add(reply.call_id)
    }
    if (reply.kind === 'tool_result') {
      expect(called).toContain(reply.call_id)
      expect(ended).not.toContain(reply.call_id)
      ended.add(reply.call_id)
    }
    if (reply.kind === 'error') expect(reply.error).not.toMatch(/[\r\n]/)
  })
}

function expectDeltasToBeTheAnswer(outputs: readonly TurnOutput[]): void {
  const last = repliesOf(outputs).at(-1)
  if (last?.kind === 'final') expect(deltasOf(repliesOf(outputs))).toBe(last.content)
  if (last?.kind === 'error') expect(deltasOf(repliesOf(outputs))).toBe(last.partial ?? '')
}

/** Inserts guests into a sequence at the given places; both lists keep their order. */
function weave<T>(hosts: readonly T[], guests: readonly { at: number; guest: T }[]): T[] {
  const mixed = hosts.flatMap((host, i) => [
    ...guests.filter(({ at }) => at === i).map(({ guest }) => guest),
    host,
  ])
  return [...mixed, ...guests.filter(({ at }) => at >= hosts.length).map(({ guest }) => guest)]
}

const places = <T>(guest: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(fc.record({ at: fc.nat(80), guest }), { maxLength })

describe('TurnReducer, on any stream', () => {
  it('ignores events of other sessions at any place', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.infiniteStream(fc.boolean()), (name, otherName, coin) => {
        const [recording, other] = [recordingOf(name), recordingOf(otherName)]
        fc.pre(!isRelated(recording, other))
        const queue = [...other.events]
        const mixed = recording.events.flatMap((event) => {
          const strangers: OpenCodeEvent[] = []
          for (const isNext of coin) {
            const stranger = isNext ? queue.shift() : undefined
            if (!stranger) break
            strangers.push(stranger)
          }
          return [...strangers, event]
        })
        expect(play(recording, [...mixed, ...queue])).toEqual(play(recording))
      }),
      runs(300),
    )
  })

  it('ignores a repeated event after any delay', () => {
    fc.assert(
      fc.property(
        anyName,
        fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 40 }),
        (name, copies) => {
          const recording = recordingOf(name)
          const { length } = recording.events
          const guests = copies.map(([from, delay]) => ({
            from: from % length,
            at: (from % length) + 1 + delay,
          }))
          const repeats = guests.map(({ from, at }) => ({
            at,
            guest: recording.events[from] as OpenCodeEvent,
          }))
          expect(play(recording, weave(recording.events, repeats))).toEqual(play(recording))
        },
      ),
      runs(300),
    )
  })

  it('ignores malformed and unknown events of its own session', () => {
    fc.assert(
      fc.property(anyName, places(malformed, 20), (name, guests) => {
        const recording = recordingOf(name)
        const own = guests.map(({ at, guest }) => ({
          at,
          guest: guest(recording.sessionID) as OpenCodeEvent,
        }))
        expect(play(recording, weave(recording.events, own))).toEqual(play(recording))
      }),
      runs(300),
    )
  })

  it('never throws and keeps the invariants for events and snapshots of any shape', () => {
    fc.assert(
      fc.property(anyName, places(anything, 30), fc.anything(), (name, guests, snapshot) => {
        const recording = recordingOf(name)
        const reducer = reducerOf(recording)
        const wild = guests.map(({ at, guest }) => ({ at, guest: guest(recording) as OpenCodeEvent }))
        const outputs = weave(recording.events, wild).flatMap((event) => [...reducer.push(event)])
        outputs.push(
          ...reducer.resync({ status: snapshot, messages: [snapshot], requests: [snapshot, null] }),
        )
        outputs.push(...reducer.resync({ status: [], messages: snapshot, requests: snapshot }))
        outputs.push(...reducer.settle({ code: 'cancelled', error: 'over' }))
        expect(repliesOf(outputs).filter(isTerminal)).toHaveLength(1)
        expectInvariants(outputs, 't1')
      }),
      runs(500),
    )
  })

  it('keeps the invariants if events are lost, repeated without an id, or out of order', () => {
    fc.assert(
      fc.property(anyName, fc.array(fc.nat(200), { maxLength: 120 }), (name, picks) => {
        const recording = recordingOf(name)
        const reducer = reducerOf(recording)
        const events = picks.map((pick) => recording.events[pick % recording.events.length] as OpenCodeEvent)
        const outputs = events.flatMap(({ type, properties }) => [...reducer.push({ type, properties })])
        outputs.push(...reducer.settle({ code: 'stalled', error: 'over' }))
        expect(repliesOf(outputs).filter(isTerminal)).toHaveLength(1)
        expectInvariants(outputs, 't1')
      }),
      runs(500),
    )
  })

  it('emits deltas that join to the answer, also if the wire cuts deltas within a character', () => {
    fc.assert(
      fc.property(anyName, fc.infiniteStream(fc.integer({ min: 1, max: 3 })), (name, sizes) => {
        const recording = recordingOf(name)
        const events = recording.events.flatMap((event) => splitDelta(event, sizes))
        const outputs = play(recording, events)
        const whole = play(recording)
        expect(repliesOf(outputs).filter(isTerminal)).toEqual(repliesOf(whole).filter(isTerminal))
        expect(deltasOf(repliesOf(outputs))).toBe(deltasOf(repliesOf(whole)))
        for (const reply of repliesOf(outputs))
          if (reply.kind === 'delta') expect(reply.content).not.toMatch(loneSurrogate)
      }),
      runs(200),
    )
  })

  it('takes the session and the trace from its options, and the first user message without a message id', () => {
    for (const name of names) {
      const recording = recordingOf(name)
      const replies = repliesOf(play({ ...recording, traceId: 'other' }))
      expect(replies).toEqual(recording.expected.replies.map((reply) => ({ ...reply, trace_id: 'other' })))
    }
  })
})

describe('TurnReducer.resync', () => {
  it('gives the answer of the uncut stream for a cut at any place and a snapshot at any delay', () => {
    fc.assert(
      fc.property(anyName, anyCut, (name, cut) => {
        const recording = recordingOf(name)
        const outputs = playCut(recording, [cut])
        expectInvariants(outputs, 't1')
        expectSameEnd(recording, outputs)
      }),
      runs(3000),
    )
  })

  it('gives the answer of the uncut stream after several cuts', () => {
    fc.assert(
      fc.property(anyName, fc.array(anyCut, { minLength: 2, maxLength: 4 }), (name, cuts) => {
        const recording = recordingOf(name)
        const outputs = playCut(recording, cuts)
        expectInvariants(outputs, 't1')
        expectSameEnd(recording, outputs)
      }),
      runs(2000),
    )
  })

  it('repeats and loses no tool call, result or request if no event was missed', () => {
    for (const name of names) {
      const recording = recordingOf(name)
      const isNoText = (output: TurnOutput) =>
        output.type === 'request' || (output.type === 'reply' && output.reply.kind.startsWith('tool'))
      const expected = play(recording).filter(isNoText)
      recording.events.forEach((_, at) => {
        if (!isBusyAt(recording, at)) return
        const outputs = playCut(recording, [{ from: at, lost: 0, late: 0, later: 0 }]).filter(isNoText)
        expect(outputs).toHaveLength(expected.length)
        expect(outputs).toEqual(expect.arrayContaining(expected))
      })
    }
  })

  it('emits a pending request once, and no answered request', () => {
    const recording = recordingOf('recorded/perm-reject-msg')
    const asked = recording.events.findIndex(({ type }) => type === 'permission.asked')
    const inGap = playCut(recording, [{ from: asked, lost: 1, late: 0, later: 0 }])
    expect(inGap.filter(({ type }) => type === 'request')).toHaveLength(1)
    const before = playCut(recording, [{ from: asked + 1, lost: 0, late: 0, later: 0 }])
    expect(before.filter(({ type }) => type === 'request')).toHaveLength(1)
    const answered = playCut(recording, [{ from: asked, lost: 2, late: 0, later: 0 }])
    expect(answered.filter(({ type }) => type === 'request')).toHaveLength(0)
  })

  it('ends a turn as rejected if the server rejected the prompt', () => {
    const recording = recordingOf('recorded/bad-agent')
    const reducer = reducerOf(recording)
    for (const event of recording.events) expect(reducer.push(event)).toEqual([])
    expect(reducer.done).toBe(false)
    const error = 'Agent not found: "nope". Available agents: build, explore, general, plan'
    expect(repliesOf(reducer.resync({ status: {}, messages: [], requests: [] }))).toEqual([
      { kind: 'error', trace_id: 't1', error, code: 'rejected', retryable: false },
    ])
    expect(reducer.done).toBe(true)
  })

  it('ends a turn whose server was killed and restarted, because no work continues', () => {
    const recording = recordingOf('recorded/server-killed-text')
    const reducer = reducerOf(recording)
    for (const event of recording.events) reducer.push(event)
    const { messages } = snapshotOf(recording, recording.events.length)
    const replies = repliesOf(reducer.resync({ status: {}, messages, requests: [] }))
    expect(replies).toMatchObject([
      { kind: 'error', code: 'internal', partial: 'x0 x1 x2 x3 x4 x5 x6 x7 x8 ' },
    ])
  })

  it('does not end a turn whose prompt is not a message of the session yet', () => {
    const recording = recordingOf('streams/hello')
    const reducer = reducerOf(recording)
    expect(reducer.resync({ status: {}, messages: [], requests: [] })).toEqual([])
    expect(reducer.done).toBe(false)
  })
})

describe('TurnReducer.settle', () => {
  it('ends the turn at any moment with the text so far, as the last output', () => {
    fc.assert(
      fc.property(anyName, fc.nat(200), (name, place) => {
        const recording = recordingOf(name)
        const reducer = reducerOf(recording)
        const at = place % (recording.events.length + 1)
        const outputs = recording.events.slice(0, at).flatMap((event) => [...reducer.push(event)])
        const wasDone = reducer.done
        const settled = reducer.settle({
          code: 'deadline_exceeded',
          error: 'too late\n    at stack (/srv/x/y.js)',
        })
        expect(settled).toHaveLength(wasDone ? 0 : 1)
        expect(reducer.done).toBe(true)
        expect(recording.events.slice(at).flatMap((event) => [...reducer.push(event)])).toEqual([])
        expectInvariants([...outputs, ...settled], 't1')
        if (retriesOf(outputs).length === 0) expectDeltasToBeTheAnswer([...outputs, ...settled])
        if (!wasDone) expect(settled[0]).toMatchObject({ reply: { error: 'too late', retryable: true } })
      }),
      runs(300),
    )
  })
})

/**
 * Lost events: where they begin and how many. Then the number of further events before the read of status and
 * requests, and between that read and the read of the messages.
 */
interface Cut {
  from: number
  lost: number
  late: number
  later: number
}
const anyCut: fc.Arbitrary<Cut> = fc.record({
  from: fc.nat(80),
  lost: fc.nat(40),
  late: fc.oneof(fc.constant(0), fc.nat(12)),
  later: fc.oneof(fc.constant(0), fc.nat(8)),
})

function snapshotOf(recording: Recording, readAt: number, messagesReadAt = readAt): TurnSnapshot {
  const state = new ServerState(recording.events.slice(0, readAt))
  const messages = new ServerState(recording.events.slice(0, messagesReadAt)).messages(recording.sessionID)
  return { ...state.snapshot(recording.sessionID), messages }
}

/**
 * Plays a recording with cuts, each followed by a snapshot and the later events. A snapshot with an idle session is
 * taken at the end of the recording, because the server reports idle up to 100 ms before the last message is complete,
 * and busy up to 100 ms after the prompt.
 */
function playCut(recording: Recording, cuts: readonly Cut[]): TurnOutput[] {
  const { events, sessionID } = recording
  const reducer: TurnReducer = reducerOf(recording)
  const outputs: TurnOutput[] = []
  let at = 0
  for (const { from, lost, late, later } of [...cuts].sort((a, b) => a.from - b.from)) {
    const start = Math.max(at, from % (events.length + 1))
    for (const event of events.slice(at, start)) outputs.push(...reducer.push(event))
    at = Math.min(events.length, start + lost)
    const readAt = Math.min(events.length, at + late)
    const early = snapshotOf(recording, readAt, Math.min(events.length, readAt + later))
    const isIdle = !(sessionID in (early.status as object))
    outputs.push(...reducer.resync(isIdle ? snapshotOf(recording, events.length) : early))
  }
  for (const event of events.slice(at)) outputs.push(...reducer.push(event))
  return outputs
}

const isBusyAt = ({ events, sessionID }: Recording, at: number): boolean =>
  sessionID in (new ServerState(events.slice(0, at)).status as object)

/** Recordings of errors that only the event stream reports. If these events are lost, the reason is unknown. */
const onlyOnStream = ['streams/bad-model', 'recorded/bad-directory', 'recorded/bad-agent'].map(recordingOf)

function expectSameEnd(recording: Recording, outputs: readonly TurnOutput[]): void {
  const expected = recording.expected.replies.at(-1)
  const last = repliesOf(outputs).at(-1)
  if (!expected || !isTerminal(expected)) return
  expect(last && isTerminal(last)).toBe(true)
  expect(last?.kind).toBe(expected.kind)
  if (last?.kind === 'final' && expected.kind === 'final') {
    expect(last.content).toBe(expected.content)
    expect(last.finish_reason).toBe(expected.finish_reason)
    if (!hasChildren(recording)) expect(last.usage).toEqual(expected.usage)
  }
  if (last?.kind === 'error' && expected.kind === 'error' && !onlyOnStream.includes(recording)) {
    expect([last.code, last.retryable]).toEqual([expected.code, expected.retryable])
  }
  if (recording.expected.retries.length === 0) expectDeltasToBeTheAnswer(outputs)
}

/** Returns whether child sessions ran. Their usage during a cut is lost, because the parent's messages lack it. */
const hasChildren = (recording: Recording) =>
  recording.events.some(({ properties }) => {
    const part = properties['part'] as { tool?: string } | undefined
    return part?.tool === 'task'
  })

/** Returns whether one recording holds events of the other's session, because both are from the same server. */
const isRelated = (a: Recording, b: Recording): boolean =>
  a === b || JSON.stringify(b.events).includes(a.sessionID)

const garbage = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.integer(),
  fc.string(),
  fc.array(fc.string(), { maxLength: 2 }),
  fc.constant({}),
)
const eventTypes = [
  'message.updated',
  'message.part.updated',
  'message.part.delta',
  'session.status',
  'session.error',
  'session.created',
  'permission.asked',
  'question.asked',
  'permission.replied',
]

/** Event of the given session without the fields that give the event a meaning. */
const malformed: fc.Arbitrary<(sessionID: string) => unknown> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...eventTypes), garbage, garbage, garbage, garbage)
    .map(([type, info, part, status, error]) => (sessionID: string) => ({
      type,
      properties: { sessionID, info, part, status, error },
    })),
  fc.tuple(fc.constantFrom(...eventTypes), garbage).map(([type, properties]) => () => ({ type, properties })),
  fc.string().map((type) => (sessionID: string) => ({
    type: `unknown.${type}`,
    properties: { sessionID, text: 'x' },
  })),
  garbage.map((event) => () => event),
)

/** Event that is partly valid and partly invalid. */
const anything: fc.Arbitrary<(recording: Recording) => unknown> = fc.oneof(
  malformed.map((make) => (recording: Recording) => make(recording.sessionID)),
  fc
    .tuple(fc.constantFrom('session.idle', ...eventTypes), fc.object({ maxDepth: 3 }))
    .map(([type, extra]) => ({ sessionID }: Recording) => ({ type, properties: { ...extra, sessionID } })),
  fc
    .tuple(fc.nat(200), fc.constantFrom('info', 'part', 'status', 'error', 'delta'), garbage)
    .map(([pick, key, value]) => (recording: Recording) => {
      const event = recording.events[pick % recording.events.length] as OpenCodeEvent
      const inner = event.properties[key]
      const changed =
        typeof inner === 'object'
          ? { ...inner, state: value, tokens: value, time: value, text: value }
          : value
      return { type: event.type, properties: { ...event.properties, [key]: changed } }
    }),
)

/** Splits a delta into pieces of the given sizes, in UTF-16 units; a cut may fall within a character. */
function splitDelta(event: OpenCodeEvent, sizes: fc.Stream<number>): OpenCodeEvent[] {
  const { delta } = event.properties
  if (event.type !== 'message.part.delta' || typeof delta !== 'string') return [event]
  const pieces: OpenCodeEvent[] = []
  for (let at = 0; at < delta.length;) {
    const size = sizes.next().value as number
    const piece = delta.slice(at, at + size)
    pieces.push({
      id: `${event.id ?? ''}_${at}`,
      type: event.type,
      properties: { ...event.properties, delta: piece },
    })
    at += size
  }
  return pieces
}
