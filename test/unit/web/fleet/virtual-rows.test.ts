import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangeOf } from '../../../../web/src/pages/fleet/virtual-rows.ts'

describe('rangeOf', () => {
  it('holds the rows on the screen and some beside', () => {
    const { first, end } = rangeOf({ count: 1000, height: 40, top: -4000, screen: 800 })
    expect(first).toBeLessThanOrEqual(100 - 10)
    expect(first).toBeGreaterThan(80)
    expect(end).toBeGreaterThanOrEqual(120 + 10)
    expect(end).toBeLessThan(140)
  })

  it('is empty for a list that is far away', () => {
    const { first, end } = rangeOf({ count: 10, height: 40, top: 9000, screen: 800 })
    expect([first, end]).toEqual([0, 0])
  })

  it('covers the screen and stays within the list, wherever the list is', () => {
    const place = fc.record({
      count: fc.nat(2000),
      height: fc.integer({ min: 20, max: 100 }),
      top: fc.integer({ min: -200_000, max: 4000 }),
      screen: fc.integer({ min: 1, max: 4000 }),
    })
    fc.assert(
      fc.property(place, (given) => {
        const { first, end } = rangeOf(given)
        expect(first).toBeGreaterThanOrEqual(0)
        expect(end).toBeLessThanOrEqual(given.count)
        expect(first).toBeLessThanOrEqual(end)
        for (let row = 0; row < given.count; row++) {
          const y = given.top + row * given.height
          if (y + given.height > 0 && y < given.screen) expect(row >= first && row < end).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })
})
