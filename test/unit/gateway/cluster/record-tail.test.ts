import { describe, expect, it } from 'vitest'
import { RecordTail } from '../../../../src/gateway/cluster/record-tail.ts'
import type { LoggedReply } from '../../../../src/gateway/turns/turn-log.ts'
import { delta } from '../../../support/turn-log.ts'

const reply = (seq: number, text = 'x'): LoggedReply => ({ seq, reply: delta(text) })
const numbers = (batch: readonly LoggedReply[] | undefined) => batch?.map(({ seq }) => seq)

describe('A tail of replies whose numbers have holes', () => {
  it('gives the batches after a number one by one, each the same for all readers', () => {
    const tail = new RecordTail()
    const [one, two] = [
      [reply(3), reply(4)],
      [reply(7), reply(9)],
    ]
    tail.add(one)
    tail.add([])
    tail.add(two)
    expect(tail.after(0)).toBe(one)
    expect(numbers(tail.after(3))).toEqual([4])
    expect(tail.after(4)).toBe(two)
    expect(tail.after(6)).toBe(two)
    expect(numbers(tail.after(7))).toEqual([9])
    expect(tail.after(9)).toBeUndefined()
  })

  it('is bounded, and knows which readers are behind it', () => {
    const tail = new RecordTail()
    for (let seq = 1; seq <= 300; seq++) tail.add([reply(seq * 2)])
    expect(tail.isBehind(87)).toBe(true)
    expect(tail.after(87)).toBeUndefined()
    expect(tail.isBehind(88)).toBe(false)
    expect(numbers(tail.after(88))).toEqual([90])
    tail.add([reply(601, 'y'.repeat(300_000))])
    expect(tail.isBehind(599)).toBe(true)
    expect(numbers(tail.after(600))).toEqual([601])
  })
})
