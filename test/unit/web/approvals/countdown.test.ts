import { describe, expect, it } from 'vitest'
import { countdownOf } from '../../../../web/src/pages/approvals/countdown.ts'

const limits = { at: 0, expires_at: 300_000 }

describe('countdownOf', () => {
  it.each([
    [0, '5:00', 'calm'],
    [500, '5:00', 'calm'],
    [28_000, '4:32', 'calm'],
    [239_999, '1:01', 'calm'],
    [240_000, '1:00', 'soon'],
    [299_001, '0:01', 'soon'],
    [300_000, '0:00', 'over'],
    [999_000, '0:00', 'over'],
  ])('at %i ms is %s, %s', (now, text, phase) => {
    expect(countdownOf(limits, now)).toMatchObject({ text, phase })
  })

  it('names hours and days of a long limit', () => {
    expect(countdownOf({ at: 0, expires_at: 3_900_000 }, 0).text).toBe('1 h 05 min')
    expect(countdownOf({ at: 0, expires_at: 86_400_000 * 9 }, 0).text).toBe('9 days')
  })

  it('tells the share of the time that is left', () => {
    expect(countdownOf(limits, 75_000).share).toBe(0.75)
    expect(countdownOf(limits, -10_000).share).toBe(1)
    expect(countdownOf({ at: 5, expires_at: 5 }, 5).share).toBe(0)
  })
})
