import { describe, expect, it } from 'vitest'
import type { UsageRow } from '../../../../web/src/api/types.ts'
import {
  groupedBy,
  measured,
  measureOf,
  sinceOf,
  sortedRows,
  totalOf,
  usageQueryOf,
  usageSearchOf,
  usageSortedBy,
} from '../../../../web/src/pages/usage/usage-rows.ts'

const row = (key: string, turns: number, cost_usd: number, tokens = 10): UsageRow => ({
  key,
  turns,
  usage: {
    input_tokens: tokens,
    output_tokens: 1,
    reasoning_tokens: 0,
    cache_read_tokens: 7,
    cache_write_tokens: 0,
    cost_usd,
  },
})
const now = Date.parse('2027-03-02T12:00:00Z')

describe('usageQueryOf', () => {
  it('sums up 30 days by agent, the most expensive first, unless the address says otherwise', () => {
    expect(usageQueryOf('')).toEqual({ by: 'agent', span: '30d', sort: 'cost', isDescending: true })
    expect(usageQueryOf('?by=x&span=constructor&sort=-y')).toEqual(usageQueryOf(''))
    expect(usageQueryOf('?by=day')).toMatchObject({ by: 'day', sort: 'key', isDescending: true })
  })

  it.each(['', '?by=day', '?by=model&span=7d&sort=turns', '?span=all&sort=-key'])(
    'and usageSearchOf keep the address %s',
    (search) => {
      expect(usageSearchOf(usageQueryOf(search))).toBe(search)
    },
  )
})

describe('groupedBy', () => {
  it('takes the usual order of the key', () => {
    const query = usageSortedBy(usageQueryOf(''), 'turns')
    expect(groupedBy(query, 'day')).toMatchObject({ by: 'day', span: '30d', sort: 'key', isDescending: true })
  })
})

describe('usageSortedBy', () => {
  it('sorts names upwards and numbers downwards first', () => {
    const query = usageQueryOf('')
    expect(usageSortedBy(query, 'key')).toMatchObject({ sort: 'key', isDescending: false })
    expect(usageSortedBy(query, 'input')).toMatchObject({ sort: 'input', isDescending: true })
    expect(usageSortedBy(query, 'cost')).toMatchObject({ sort: 'cost', isDescending: false })
  })
})

describe('sinceOf', () => {
  it.each([
    ['today', '2027-03-02T00:00:00Z'],
    ['7d', '2027-02-24T00:00:00Z'],
    ['30d', '2027-02-01T00:00:00Z'],
    ['all', undefined],
  ] as const)('of %s is %s', (span, expected) => {
    expect(sinceOf(span, now)).toBe(expected)
  })
})

describe('sortedRows', () => {
  const rows = [row('b', 2, 0.5), row('a', 2, 0.5), row('c', 1, 3)]
  const keys = (search: string) => sortedRows(rows, usageQueryOf(search)).map(({ key }) => key)

  it('sorts by a column, equal rows by their keys', () => {
    expect(keys('')).toEqual(['c', 'a', 'b'])
    expect(keys('?sort=turns')).toEqual(['c', 'a', 'b'])
    expect(keys('?sort=-key')).toEqual(['c', 'b', 'a'])
  })
})

describe('totalOf', () => {
  it('adds turns, tokens and cost', () => {
    const { turns, usage } = totalOf([row('a', 2, 0.5), row('b', 3, 1, 20)])
    expect([turns, usage.input_tokens, usage.cache_read_tokens, usage.cost_usd]).toEqual([5, 30, 14, 1.5])
  })
})

describe('measureOf', () => {
  it('is the tokens if nothing has a price', () => {
    expect(measureOf([row('a', 1, 0)])).toBe('tokens')
    expect(measureOf([row('a', 1, 0), row('b', 1, 0.1)])).toBe('cost')
  })

  it('counts tokens without those of the cache', () => {
    expect(measured(row('a', 1, 0.2), 'tokens')).toBe(11)
    expect(measured(row('a', 1, 0.2), 'cost')).toBe(0.2)
  })
})
