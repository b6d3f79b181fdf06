import { describe, expect, it } from 'vitest'
import {
  queryOf,
  searchOf,
  sortedBy,
  usualQuery,
  type FleetQuery,
} from '../../../../web/src/pages/fleet/fleet-query.ts'

describe('queryOf', () => {
  it('is the usual query without parameters, and for parameters that it does not know', () => {
    expect(queryOf('')).toEqual(usualQuery)
    expect(queryOf('?sort=-nonsense&x=1')).toEqual(usualQuery)
  })

  it.each<FleetQuery>([
    { text: 'a b&c=Ö/1', sort: 'memory', isDescending: true },
    { text: '', sort: 'id', isDescending: false },
    { text: '', sort: 'state', isDescending: true },
  ])('reads what searchOf has written: %j', (query) => {
    expect(queryOf(searchOf(query))).toEqual(query)
  })
})

describe('searchOf', () => {
  it('is empty for the usual query', () => {
    expect(searchOf(usualQuery)).toBe('')
  })
})

describe('sortedBy', () => {
  it('sorts numbers downwards first, and turns the order round with a second click', () => {
    const once = sortedBy(usualQuery, 'memory')
    expect(once).toMatchObject({ sort: 'memory', isDescending: true })
    expect(sortedBy(once, 'memory')).toMatchObject({ sort: 'memory', isDescending: false })
    expect(sortedBy(once, 'id')).toMatchObject({ sort: 'id', isDescending: false })
  })
})
