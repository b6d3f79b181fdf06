import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventRing } from '../../../../src/gateway/events/event-ring.ts'

const entry = (id: number, frame = 'x') => ({ id, agentId: 'a1', tenant: 'default', frame })

describe('EventRing', () => {
  it('returns the events after an id, in order, of those that it keeps', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.integer({ min: 1, max: 50 }), (count, after, most) => {
        const ring = new EventRing({ events: 20, size: 1_000 })
        const ids = Array.from({ length: count }, (_, i) => i + 1)
        for (const id of ids) ring.push(entry(id))
        const kept = ids.slice(-20)
        expect(ring.oldest).toBe(kept[0])
        expect(ring.after(after, most).map(({ id }) => id)).toEqual(
          kept.filter((id) => id > after).slice(0, most),
        )
      }),
    )
  })

  it('is bounded in its size, and keeps the last event in any case', () => {
    const ring = new EventRing({ events: 100, size: 10 })
    for (const id of [1, 2, 3]) ring.push(entry(id, 'xxxx'))
    expect(ring.after(0, 10).map(({ id }) => id)).toEqual([2, 3])
    ring.push(entry(4, 'x'.repeat(50)))
    expect(ring.after(0, 10).map(({ id }) => id)).toEqual([4])
  })

  it('wakes a reader once', () => {
    const ring = new EventRing()
    let woken = 0
    ring.wait(() => woken++)
    ring.wait(() => woken++)()
    ring.push(entry(1))
    ring.push(entry(2))
    expect(woken).toBe(1)
  })
})
