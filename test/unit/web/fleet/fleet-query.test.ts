import { describe, expect, it } from 'vitest'
import {
  queryOf,
  searchOf,
  sortedBy,
  toggledState,
  usualQuery,
  type FleetQuery,
} from '../../../../web/src/pages/fleet/fleet-query.ts'

describe('queryOf', () => {
  it('is the usual query without parameters, and for parameters that it does not know', () => {
    expect(queryOf('')).toEqual(usualQuery)
    expect(queryOf('?state=nonsense&sort=-nonsense&x=1')).toEqual(usualQuery)
  })

  it.each<FleetQuery>([
    { text: 'a b&c=Ö/1', states: ['failed', 'healthy'], sort: 'memory', isDescending: true },
    { text: '', states: [], sort: 'id', isDescending: false },
    { text: '', states: [], sort: 'state', isDescending: true },
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

describe('toggledState', () => {
  it('adds a state, and takes it out again', () => {
    const one = toggledState(usualQuery, 'failed')
    expect(toggledState(one, 'idle').states).toEqual(['failed', 'idle'])
    expect(toggledState(one, 'failed').states).toEqual([])
  })
})
