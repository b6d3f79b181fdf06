import { describe, expect, it } from 'vitest'
import { ago, bytes, cost, duration, plural, tokens } from '../../../../web/src/words/format.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

describe('figures in words', () => {
  it('duration has two units at most', () => {
    const given = [
      0,
      340,
      4_260,
      12_900,
      3 * minute + 20 * second,
      2 * hour,
      2 * hour + 5 * minute,
      76 * hour,
    ]
    expect(given.map(duration)).toEqual([
      ...['0 ms', '340 ms', '4.2 s', '12 s', '3 min 20 s', '2 h', '2 h 5 min', '3 d 4 h'],
    ])
  })

  it('ago has one unit, and is "now" for a moment', () => {
    expect([0, 1_900, 12_400, 5 * minute, 3 * hour, 50 * hour].map(ago)).toEqual([
      ...['now', 'now', '12 s ago', '5 min ago', '3 h ago', '2 d ago'],
    ])
    expect(ago(-5_000)).toBe('now')
  })

  it('bytes goes on to GB', () => {
    expect([0, 512.4, 999, 1_433.6, 20_480].map(bytes)).toEqual([
      '0 MB',
      '512 MB',
      '999 MB',
      '1.4 GB',
      '20 GB',
    ])
  })

  it('cost keeps the digits that count', () => {
    expect([0, 0.00001, 0.0042, 0.31, 12.4, 1_204.4].map(cost)).toEqual([
      ...['$0', '<$0.0001', '$0.0042', '$0.31', '$12.40', '$1,204'],
    ])
  })

  it('tokens are shortened', () => {
    expect([0, 812, 4_230, 9_970, 99_600, 999_600, 1_312_000].map(tokens)).toEqual([
      ...['0', '812', '4.2k', '10k', '100k', '1.00M', '1.31M'],
    ])
  })

  it('plural has its own form for one', () => {
    expect([plural(1, 'turn'), plural(2, 'turn'), plural(1_200, 'retry', 'retries')]).toEqual([
      ...['1 turn', '2 turns', '1,200 retries'],
    ])
  })
})
