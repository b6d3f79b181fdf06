import { describe, expect, it } from 'vitest'
import { countdownOf } from '../../../../web/src/pages/approvals/countdown.ts'

describe('countdownOf', () => {
  it.each([
    [300_000, '5:00', 'calm'],
    [299_500, '5:00', 'calm'],
    [272_000, '4:32', 'calm'],
    [60_001, '1:01', 'calm'],
    [60_000, '1:00', 'soon'],
    [999, '0:01', 'soon'],
    [0, '0:00', 'over'],
    [-700_000, '0:00', 'over'],
    [3_900_000, '1 h 05 min', 'calm'],
    [86_400_000 * 9, '9 days', 'calm'],
  ])('of %i ms is %s, %s', (left, text, phase) => {
    expect(countdownOf(left)).toEqual({ text, phase })
  })
})
