import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../../../../web/src/api/types.ts'
import { Transcript, type Entry } from '../../../../../web/src/pages/turn/transcript.ts'

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq' | 'trace_id'> : never

/** Returns replies with their numbers. */
const numbered = (...replies: WithoutSeq<Reply>[]): Reply[] =>
  replies.map((reply, i) => ({ ...reply, trace_id: null, seq: i + 1 }))

const usage = {
  input_tokens: 1,
  output_tokens: 1,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
}
const final = (content: string) => ({ kind: 'final' as const, content, finish_reason: 'stop', usage })
const call = { kind: 'tool_call' as const, call_id: 'c1', tool: 'bash', args: { command: 'ls' } }
const result = { kind: 'tool_result' as const, call_id: 'c1', tool: 'bash', result: 'a.txt', success: true }

function entriesOf(replies: readonly Reply[]): readonly Entry[] {
  const transcript = new Transcript()
  transcript.add(replies)
  return transcript.view.entries
}

const textOf = (entries: readonly Entry[], isStale = false): string =>
  entries
    .flatMap((entry) => (entry.kind === 'text' && entry.isStale === isStale ? [entry.text] : []))
    .join('')

describe('Transcript', () => {
  test('joins neighbouring pieces, and keeps the order of text, reasoning and tools', () => {
    const entries = entriesOf(
      numbered(
        { kind: 'reasoning', content: 'hm' },
        { kind: 'delta', content: 'a' },
        { kind: 'delta', content: 'b' },
        call,
        { kind: 'delta', content: 'c' },
      ),
    )
    expect(entries.map(({ kind }) => kind)).toEqual(['reasoning', 'text', 'tool', 'text'])
    expect(textOf(entries)).toBe('abc')
  })

  test('counts each reply once, however a stream that is joined again repeats them', () => {
    const replies = numbered(
      ...Array.from({ length: 20 }, (_, i) => ({ kind: 'delta' as const, content: `${i},` })),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(19), fc.nat(19))), (parts) => {
        const transcript = new Transcript()
        let last = 0
        for (const [from, to] of [...parts, [0, 19] as const]) {
          // A stream begins at the latest after the last reply that the page has.
          transcript.add(replies.slice(Math.min(from, last), to + 1))
          last = transcript.view.lastSeq
        }
        expect(textOf(transcript.view.entries)).toBe(replies.map((_, i) => `${i},`).join(''))
      }),
    )
  })

  test('has the times of a call and of its end, if the gateway tells them', () => {
    const timed = entriesOf(numbered({ ...call, at: 1_000 }, { ...result, at: 3_500 }))
    expect(timed[0]).toMatchObject({
      call: { status: 'done', result: 'a.txt', args: { command: 'ls' }, startedAt: 1_000, endedAt: 3_500 },
    })
  })

  test('shows a result whose call is not known', () => {
    expect(entriesOf(numbered(result))[0]).toMatchObject({ call: { tool: 'bash', result: 'a.txt' } })
  })

  test('marks calls that had not ended when the turn ended', () => {
    const entries = entriesOf(
      numbered(call, { kind: 'error', code: 'cancelled', error: 'x', retryable: false }),
    )
    expect(entries[0]).toMatchObject({ call: { status: 'unfinished' } })
  })

  test('marks the text of an attempt that was repeated, also within one piece', () => {
    const entries = entriesOf(numbered({ kind: 'delta', content: 'first trysecond' }, final('second')))
    expect(textOf(entries)).toBe('second')
    expect(textOf(entries, true)).toBe('first try')
  })

  test('shows the answer itself if the pieces do not lead to it', () => {
    const entries = entriesOf(numbered({ kind: 'delta', content: 'other' }, final('answer')))
    expect(textOf(entries)).toBe('answer')
    expect(textOf(entries, true)).toBe('other')
  })

  test('shows a planned retry once, although a joined stream tells it again', () => {
    const transcript = new Transcript()
    const status = { state: 'retrying' as const, attempt: 1, message: 'busy', next_at: 5 }
    transcript.setStatus(status)
    transcript.setStatus(status)
    transcript.setStatus({ ...status, attempt: 2, next_at: 9 })
    expect(transcript.view.entries).toMatchObject([{ attempt: 1 }, { attempt: 2 }])
  })

  test('keeps the object of an entry that has not changed', () => {
    const transcript = new Transcript()
    const replies = numbered(call, { kind: 'delta', content: 'a' }, { kind: 'delta', content: 'b' })
    transcript.add(replies.slice(0, 2))
    const before = transcript.view.entries
    transcript.add(replies)
    expect(transcript.view.entries[0]).toBe(before[0])
    expect(transcript.view.entries[1]).not.toBe(before[1])
  })

  test('has one object for the text of 100,000 pieces', () => {
    const replies = Array.from({ length: 100_000 }, () => ({ kind: 'delta' as const, content: 'x' }))
    const entries = entriesOf(numbered(...replies))
    expect(entries).toHaveLength(1)
    expect(textOf(entries)).toHaveLength(100_000)
  })
})
