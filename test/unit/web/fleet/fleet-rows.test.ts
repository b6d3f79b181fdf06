import { describe, expect, it } from 'vitest'
import { queryOf, usualQuery } from '../../../../web/src/pages/fleet/fleet-query.ts'
import { shownAgents } from '../../../../web/src/pages/fleet/fleet-rows.ts'
import { status } from './status.ts'

const agents = [
  status('a1', { state: 'healthy', memory_mb: 300, tenant: 'red' }),
  status('a2', { state: 'failed', error: { code: 'ERR_X', message: 'No space left' } }),
  status('a3', { state: 'idle', open_requests: 1, last_used_at: 5 }),
  status('a4', { state: 'healthy', memory_mb: 900, reason: 'restarted: out of memory' }),
  status('a5', { state: 'spawning', restarts: 2 }),
]
const shown = (search: string) => shownAgents(agents, queryOf(search)).map(({ id }) => id)

describe('shownAgents', () => {
  it('begins with the agents that need attention: failed, asking, changing, healthy, idle', () => {
    expect(shown('')).toEqual(['a2', 'a3', 'a5', 'a1', 'a4'])
  })

  it.each([
    ['?q=A4', ['a4']],
    ['?q=space', ['a2']],
    ['?q=memory+healthy', ['a4']],
    ['?q=red', ['a1']],
    ['?q=nothing', []],
    ['?q=healthy', ['a1', 'a4']],
    ['?q=red+failed', []],
  ])('filters by %s', (search, ids) => {
    expect(shown(search)).toEqual(ids)
  })

  it.each([
    ['?sort=-id', ['a5', 'a4', 'a3', 'a2', 'a1']],
    ['?sort=-memory', ['a4', 'a1', 'a2', 'a3', 'a5']],
    ['?sort=-requests', ['a3', 'a1', 'a2', 'a4', 'a5']],
    ['?sort=-restarts', ['a5', 'a1', 'a2', 'a3', 'a4']],
    ['?sort=-used', ['a3', 'a1', 'a2', 'a4', 'a5']],
    ['?sort=error', ['a2', 'a1', 'a3', 'a4', 'a5']],
  ])('sorts by %s, equal ones by their ids', (search, ids) => {
    expect(shown(search)).toEqual(ids)
  })

  it('sorts by the turns that run, then by those that wait', () => {
    const turns = (id: string, running: number, queued: number) =>
      status(id, { turns: { running, queued, max: 16 } })
    const busy = [turns('b1', 1, 0), turns('b2', 1, 3), turns('b3', 2, 0)]
    expect(shownAgents(busy, queryOf('?sort=-turns')).map(({ id }) => id)).toEqual(['b3', 'b2', 'b1'])
  })

  it('leaves the given list as it is', () => {
    const before = agents.map(({ id }) => id)
    shownAgents(agents, { ...usualQuery, sort: 'id', isDescending: true })
    expect(agents.map(({ id }) => id)).toEqual(before)
  })
})
