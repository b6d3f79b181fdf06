import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FactJoiner, splitFact } from '../../../src/cluster/record-parts.ts'
import type { TurnFact } from '../../../src/cluster/turn-facts.ts'

const delta = (content: string): TurnFact => ({
  kind: 'reply',
  reply: { kind: 'delta', trace_id: null, content },
})
const final = (content: string): TurnFact => ({
  kind: 'reply',
  reply: { kind: 'error', trace_id: null, error: content, code: 'internal', retryable: false },
})

describe('splitFact', () => {
  it('splits a large fact into parts that each fit, which the joiner joins again', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(text, fc.nat(400_000), (piece, length) => {
        const fact = delta(piece.repeat(Math.ceil(length / piece.length)))
        const parts = splitFact(fact)
        for (const { fact: part } of parts)
          expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(900_000)
        const records = parts.map((part) => JSON.parse(JSON.stringify(part.fact)) as TurnFact)
        const joined = new FactJoiner().add({ epoch: 1, first: 5, records })
        expect(joined).toEqual([
          { number: 5 + parts.length - 1, fact: JSON.parse(JSON.stringify(fact)) as TurnFact },
        ])
      }),
      { numRuns: 8 },
    )
  })

  it('marks the last part of a terminal reply only', () => {
    expect(splitFact(final('x'.repeat(300_000))).map(({ isEnd }) => isEnd)).toEqual([
      false,
      false,
      false,
      true,
    ])
    expect(splitFact(delta('x'.repeat(300_000))).some(({ isEnd }) => isEnd)).toBe(false)
    expect(splitFact(final('short')).map(({ isEnd }) => isEnd)).toEqual([true])
  })
})

describe('FactJoiner', () => {
  it('drops the parts of an owner that was replaced in the middle of a fact', () => {
    const joiner = new FactJoiner()
    expect(joiner.add({ epoch: 1, first: 1, records: [{ kind: 'part', text: '{"ki' }] })).toEqual([])
    const whole = joiner.add({
      epoch: 2,
      first: 2,
      records: [{ kind: 'part', text: '{"kind":"started"}', isLast: true }],
    })
    expect(whole).toEqual([{ number: 2, fact: { kind: 'started' } }])
  })
})
