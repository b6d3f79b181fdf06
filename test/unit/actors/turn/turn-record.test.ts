import { describe, expect, it } from 'vitest'
import { Conversation } from '../../../../src/actors/turn/conversation.ts'
import { TurnRecord, type TurnStatus } from '../../../../src/actors/turn/turn-record.ts'
import { compileOptions } from '../../../../src/config/options.ts'
import type { Reply } from '../../../../src/replies.ts'
import { planTurn } from '../../../../src/api/turn-input.ts'

const { values } = compileOptions({
  home: '/srv/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-x' },
  models: ['m'],
})
const newRecord = () =>
  new TurnRecord(
    planTurn({ text: 'x', traceId: 't1' }, values).plan,
    new Conversation({ key: 'k', sessionId: 'ses_1' }),
    1_000,
    10_000,
  )
const delta = (content: string): Reply => ({ kind: 'delta', trace_id: 't1', content })
const error = { kind: 'error', trace_id: 't1', error: 'x', code: 'stalled', retryable: true } as const

function collect(record: TurnRecord) {
  const replies: Reply[] = []
  const states: TurnStatus['state'][] = []
  const ends: string[] = []
  record.replay.replies$.subscribe({
    next: (reply) => replies.push(reply),
    complete: () => ends.push('replies'),
  })
  record.status$.subscribe({ next: ({ state }) => states.push(state), complete: () => ends.push('status') })
  record.requests.asked$.subscribe({ complete: () => ends.push('requests') })
  return { replies, states, ends }
}

describe('TurnRecord', () => {
  it('emits replies and states until the terminal reply, completes, and drops later replies', async () => {
    const record = newRecord()
    const early = collect(record)
    record.setStatus({ state: 'queued' })
    record.emit(delta('a'))
    record.setStatus({ state: 'running' })
    record.emit(error)
    record.emit(delta('late'))
    record.emit({ ...error, code: 'cancelled' })
    record.setStatus({ state: 'resyncing' })
    record.fail({ code: 'internal', error: 'late' }, (text) => text)
    for (const { replies, states, ends } of [early, collect(record)]) {
      expect(replies).toEqual([delta('a'), error])
      expect(states).toEqual(['queued', 'running', 'done'])
      expect(ends.sort()).toEqual(['replies', 'requests', 'status'])
    }
    expect(await record.done.promise).toEqual(error)
    expect(await record.sessionId.promise).toBe('ses_1')
  })

  it.each([
    ['boom\n    at x (/srv/app/y.js)', 'boom'],
    ['cannot open /srv/app/y.js', 'cannot open <path>'],
    ['no: sk-1', 'no: ***'],
  ])('fails with one line without paths and secrets: %s', (said, message) => {
    const record = newRecord()
    const { replies } = collect(record)
    record.fail({ code: 'internal', error: said }, (text) => text.replace('sk-1', '***'))
    expect(replies).toEqual([
      { kind: 'error', trace_id: 't1', error: message, code: 'internal', retryable: false },
    ])
  })

  it('counts its deadline from the request', () => {
    const record = newRecord()
    expect(record.deadlineAt - record.startedAt).toBe(record.plan.deadlineMs)
  })

  it('fails with an error that is retryable as given, else as its code is', () => {
    const record = newRecord()
    record.fail({ code: 'stalled', error: 'x', retryable: false }, (text) => text)
    expect(collect(record).replies).toMatchObject([{ code: 'stalled', retryable: false }])
    const other = newRecord()
    other.fail({ code: 'stalled', error: 'x' }, (text) => text)
    expect(collect(other).replies).toMatchObject([{ code: 'stalled', retryable: true }])
  })

  it('creates message ids in the form of opencode, unique and in order of time', () => {
    const ids = Array.from({ length: 5_000 }, () => newRecord().messageId)
    for (const id of ids) expect(id).toMatch(/^msg_[0-9a-f]{12}[0-9A-Za-z]{14}$/)
    expect(new Set(ids).size).toBe(ids.length)
    const ages = ids.map((id) => parseInt(id.slice(4, 16), 16))
    expect(ages.every((age, i) => i === 0 || age >= (ages[i - 1] ?? 0) || age % 4096 === 0)).toBe(true)
  })
})
