import { describe, expect, it } from 'vitest'
import { Tail } from '../../../../src/gateway/log/tail.ts'
import { delta } from '../../../support/turn-log.ts'

const batch = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => ({ seq: first + i, reply: delta('x') }))

describe('after', () => {
  it('returns the batch that begins with the next reply, as it is', () => {
    const tail = new Tail()
    const second = batch(3, 4)
    tail.add(batch(1, 2), 10)
    tail.add(second, 10)
    expect(tail.after(2)).toBe(second)
    expect(tail.after(0)).toEqual(batch(1, 2))
  })

  it('returns the rest of a batch to a reader that has a part of the batch', () => {
    const tail = new Tail()
    tail.add(batch(1, 5), 10)
    expect(tail.after(3)).toEqual(batch(4, 5))
    expect(tail.after(5)).toBeUndefined()
  })

  it('has nothing for a reader whose place has left the tail', () => {
    const tail = new Tail()
    for (let seq = 1; seq <= 1_000; seq++) tail.add(batch(seq, seq), 10)
    expect(tail.after(0)).toBeUndefined()
    expect(tail.after(743)).toBeUndefined()
    expect(tail.after(744)).toEqual(batch(745, 745))
  })

  it('has the last batch, however large the batch is', () => {
    const tail = new Tail()
    tail.add(batch(1, 1), 300_000)
    tail.add(batch(2, 2), 9_000_000)
    expect(tail.after(0)).toBeUndefined()
    expect(tail.after(1)).toEqual(batch(2, 2))
  })
})
