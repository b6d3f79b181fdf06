import fc from 'fast-check'
import { config, take } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReplayBuffer } from '../../../../src/actors/turn/replay-buffer.ts'
import type { Reply } from '../../../../src/replies.ts'

const delta = (content: string): Reply => ({ kind: 'delta', trace_id: 't1', content })
const final: Reply = {
  kind: 'final',
  trace_id: 't1',
  content: 'x',
  finish_reason: 'stop',
  usage: {
    input_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    cost_usd: 0,
  },
}
const toolCall = (call_id: string): Reply => ({
  kind: 'tool_call',
  trace_id: 't1',
  call_id,
  tool: 'x',
  args: { a: 1 },
})
const toolResult = (call_id: string): Reply => ({
  kind: 'tool_result',
  trace_id: 't1',
  call_id,
  tool: 'x',
  result: 'r',
  success: true,
})

function collect(replay: ReplayBuffer) {
  const seen: Reply[] = []
  const state = { seen, complete: false }
  replay.replies$.subscribe({ next: (reply) => seen.push(reply), complete: () => (state.complete = true) })
  return state
}

/** Joins neighbouring texts of one kind, because all subscribers get the same joined texts. */
function joined(replies: readonly Reply[]): Reply[] {
  const result: Reply[] = []
  for (const reply of replies) {
    const last = result.at(-1)
    if ((reply.kind === 'delta' || reply.kind === 'reasoning') && last?.kind === reply.kind)
      result[result.length - 1] = { ...last, content: last.content + reply.content }
    else result.push(reply)
  }
  return result
}

const anyReply: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 40 }).map(delta) },
  {
    weight: 2,
    arbitrary: fc
      .string({ minLength: 1 })
      .map((content): Reply => ({ kind: 'reasoning', trace_id: 't1', content })),
  },
  { weight: 1, arbitrary: fc.uuid().map(toolCall) },
  { weight: 1, arbitrary: fc.uuid().map(toolResult) },
)

describe('Replay', () => {
  it('emits every reply to early, late and very late subscribers, and completes', () => {
    const replay = new ReplayBuffer(1_000_000)
    const early = collect(replay)
    replay.push(delta('a'))
    replay.push(toolCall('c1'))
    const late = collect(replay)
    replay.push(delta('b'))
    replay.push(final)
    replay.complete()
    const veryLate = collect(replay)
    for (const { seen, complete } of [early, late, veryLate]) {
      expect(seen).toEqual([delta('a'), toolCall('c1'), delta('b'), final])
      expect(complete).toBe(true)
    }
  })

  it('emits the same texts in the same order to a late subscriber, for any size of the buffer', () => {
    fc.assert(
      fc.property(
        fc.array(anyReply, { maxLength: 60 }),
        fc.nat(3_000),
        fc.nat(60),
        (replies, maxBytes, at) => {
          const replay = new ReplayBuffer(maxBytes)
          const early = collect(replay)
          replies.slice(0, at).forEach((reply) => replay.push(reply))
          const middle = collect(replay)
          replies.slice(at).forEach((reply) => replay.push(reply))
          const late = collect(replay)
          expect(early.seen).toEqual(replies)
          expect(joined(middle.seen)).toEqual(joined(replies))
          expect(joined(late.seen)).toEqual(joined(replies))
        },
      ),
    )
  })

  it('merges a long text into few pieces', () => {
    const replay = new ReplayBuffer(10_000)
    for (let i = 0; i < 50_000; i++) replay.push(delta('word '))
    const { seen } = collect(replay)
    expect(seen.length).toBeLessThan(3_000)
    expect(joined(seen)).toEqual([delta('word '.repeat(50_000))])
  })

  it('does not merge pieces below the limit', () => {
    const replay = new ReplayBuffer(1_000_000)
    for (let i = 0; i < 100; i++) replay.push(delta('x'))
    expect(collect(replay).seen).toHaveLength(100)
  })

  it('stops at once for a subscriber that leaves during the replay or during a reply', () => {
    const replay = new ReplayBuffer(1_000_000)
    for (const text of ['a', 'b', 'c']) replay.push(delta(text))
    const seen: Reply[] = []
    const subscription = replay.replies$.subscribe((reply) => {
      seen.push(reply)
      if (seen.length === 5) subscription.unsubscribe()
    })
    for (const text of ['d', 'e', 'f']) replay.push(delta(text))
    expect(seen.map((reply) => 'content' in reply && reply.content)).toEqual(['a', 'b', 'c', 'd', 'e'])

    const first: Reply[] = []
    replay.replies$.pipe(take(1)).subscribe((reply) => first.push(reply))
    replay.push(final)
    expect(first).toEqual([delta('a')])
  })

  it.each([1_000_000, 200])(
    'loses and repeats nothing for a subscriber that causes replies during the replay (%i bytes)',
    (maxBytes) => {
      const replay = new ReplayBuffer(maxBytes)
      const pushed: Reply[] = []
      const push = (reply: Reply) => {
        pushed.push(reply)
        replay.push(reply)
      }
      for (const text of ['a', 'b', 'c']) push(delta(text))
      const seen: Reply[] = []
      let left = 5
      replay.replies$.subscribe((reply) => {
        seen.push(reply)
        if (left > 0) push(delta(`${left--}`))
      })
      push(final)
      replay.complete()
      expect(joined(seen)).toEqual(joined(pushed))
      expect(joined(collect(replay).seen)).toEqual(joined(pushed))
    },
  )

  it('continues for other subscribers if one subscriber throws', async () => {
    const replay = new ReplayBuffer(1_000)
    const thrown = new Promise((resolve) => (config.onUnhandledError = resolve))
    onTestFinished(() => void (config.onUnhandledError = null))
    replay.replies$.subscribe(({ kind }) => {
      if (kind === 'delta') throw new Error('a subscriber of the user')
    })
    const other = collect(replay)
    replay.push(delta('a'))
    replay.push(final)
    replay.complete()
    expect(await thrown).toMatchObject({ message: 'a subscriber of the user' })
    expect(other).toEqual({ seen: [delta('a'), final], complete: true })
  })
})
