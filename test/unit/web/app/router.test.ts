import { describe, expect, it } from 'vitest'
import { paths, routeOf } from '../../../../web/src/app/router.ts'

describe('routeOf', () => {
  it('names the page of each path', () => {
    expect(routeOf('/')).toEqual({ page: 'fleet' })
    expect(routeOf('/approvals')).toEqual({ page: 'approvals' })
    expect(routeOf('/usage')).toEqual({ page: 'usage' })
    expect(routeOf('/agents/a1')).toEqual({ page: 'agent', id: 'a1' })
    expect(routeOf('/turns/t-1')).toEqual({ page: 'turn', id: 't-1' })
  })

  it('reads back each id that a path holds', () => {
    for (const id of ['a b', 'ä/ö', '100%', '..', '#1?']) {
      expect(routeOf(paths.agent(id))).toEqual({ page: 'agent', id })
      expect(routeOf(paths.turn(id))).toEqual({ page: 'turn', id })
    }
  })

  it('knows no other path', () => {
    for (const path of ['/agents', '/agents/a/b', '/other', '/agents/%E0%A4%A'])
      expect(routeOf(path)).toEqual({ page: 'unknown', path })
  })
})
