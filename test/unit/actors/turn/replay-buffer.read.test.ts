import { describe, expect, it } from 'vitest'
import { ReplayBuffer } from '../../../../src/actors/turn/replay-buffer.ts'
import type { Reply } from '../../../../src/index.ts'

const delta = (content: string): Reply => ({ kind: 'delta', trace_id: null, content })
const final: Reply = { kind: 'error', trace_id: null, error: 'x', code: 'internal', retryable: false }

describe('Replay.read', () => {
  it('returns the whole text once to a slow reader, also if unread pieces are merged', async () => {
    const replay = new ReplayBuffer(2_000)
    const pieces = Array.from({ length: 500 }, (_, i) => `${i} `)
    const read: string[] = []
    const reader = replay.read()
    const next = async () => {
      const { value } = await reader.next()
      if (value && 'content' in value) read.push(value.content)
    }
    for (const [i, piece] of pieces.entries()) {
      replay.push(delta(piece))
      if (i < 40) await next()
    }
    replay.push(final)
    replay.complete()
    for (let i = 0; i < 500; i++) await next()
    expect(read.join('')).toBe(pieces.join(''))
    expect(read.slice(0, 40)).toEqual(pieces.slice(0, 40))
    expect(read.length).toBeLessThan(300)
    expect((await reader.next()).done).toBe(true)
  })

  it('waits for new replies, and ends with the turn', async () => {
    const replay = new ReplayBuffer(1_000_000)
    const all: Reply[] = []
    const reading = (async () => {
      for await (const reply of replay.read()) all.push(reply)
    })()
    for (const reply of [delta('a'), delta('b'), final]) {
      replay.push(reply)
      await Promise.resolve()
    }
    replay.complete()
    await reading
    expect(all).toEqual([delta('a'), delta('b'), final])
  })
})
