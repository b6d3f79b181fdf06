import { describe, expect, it } from 'vitest'
import type { PlaceRecord } from '../../../../src/cluster/store/records.ts'
import { ReportedHosts } from '../../../../src/gateway/cluster/reported-hosts.ts'
import { totalsOf } from '../../../../src/gateway/cluster/reported-totals.ts'
import { agentStatusOf, fleetStatusOf, reportOf } from '../../../support/reports.ts'

/** Returns the reports of hosts h1 and h2 as a gateway keeps them, and what it knows of the cluster. */
function reported() {
  const there = new Set(['h1', 'h2'])
  const places = new Map<string, PlaceRecord>()
  const removed = new Set<string>()
  const hosts = new ReportedHosts({
    agent: (agentId) => (removed.has(agentId) ? undefined : { tenant: 'acme', agentId }),
    place: ({ tenant, agentId }) => places.get(`${tenant}.${agentId}`),
    isThere: (id) => there.has(id),
  })
  return { hosts, there, places, removed }
}
const place = (hostId: string, epoch: number): PlaceRecord => ({
  epoch,
  hostId,
  incarnation: 'i',
  last: null,
})
const key = { tenant: 'acme', agentId: 'a1' }
const healthy = agentStatusOf('a1', { state: 'healthy' })
const whole = (number: number, epoch = 1, value = healthy) =>
  reportOf({ number, isWhole: true, agents: [{ epoch, value }] })

describe('Reports of other hosts', () => {
  it('are complete from the first one of a new host on', () => {
    const { hosts } = reported()
    expect(hosts.take('h1', whole(1))).toEqual({ isMissing: false, hasGap: false })
    expect(hosts.take('h1', reportOf({ number: 2 }))).toEqual({ isMissing: false, hasGap: false })
    expect(hosts.statusOf(key)).toEqual({ ...healthy, hostId: 'h1' })
    expect(hosts.take('h1', reportOf({ number: 3, hasGap: true }))).toMatchObject({ hasGap: true })
  })

  it('are missing from a host that was there before, or after a lost one, until it reports everything', () => {
    const { hosts } = reported()
    expect(hosts.take('h1', reportOf({ number: 7 }))).toEqual({ isMissing: true, hasGap: false })
    expect(hosts.take('h1', whole(8))).toEqual({ isMissing: false, hasGap: true })
    expect(hosts.take('h1', reportOf({ number: 10 }))).toEqual({ isMissing: true, hasGap: false })
    expect(hosts.take('h1', reportOf({ number: 11 }))).toEqual({ isMissing: true, hasGap: false })
    expect(hosts.take('h1', whole(12))).toEqual({ isMissing: false, hasGap: true })
    expect(hosts.take('h1', whole(13))).toEqual({ isMissing: false, hasGap: false })
    hosts.doubt()
    expect(hosts.take('h1', whole(14))).toEqual({ isMissing: false, hasGap: true })
    // A host that was started again.
    expect(hosts.take('h1', { ...whole(1), run: 'r2' })).toEqual({ isMissing: false, hasGap: true })
  })

  it('have a gap only when all parts of the report after it are here', () => {
    const { hosts } = reported()
    expect(hosts.take('h1', { ...whole(7), hasMore: true })).toEqual({ isMissing: false, hasGap: false })
    expect(hosts.take('h1', reportOf({ number: 8, hasMore: true }))).toMatchObject({ hasGap: false })
    expect(hosts.take('h1', reportOf({ number: 9 }))).toEqual({ isMissing: false, hasGap: true })
    expect(hosts.take('h1', reportOf({ number: 10 }))).toEqual({ isMissing: false, hasGap: false })
    // A part was lost.
    hosts.take('h1', reportOf({ number: 11, hasGap: true, hasMore: true }))
    expect(hosts.take('h1', reportOf({ number: 13 }))).toEqual({ isMissing: true, hasGap: false })
    expect(hosts.take('h1', whole(14))).toEqual({ isMissing: false, hasGap: true })
  })

  it('keep the object of an agent that is the same, and forget one that is not reported any more', () => {
    const { hosts } = reported()
    hosts.take('h1', whole(1))
    const before = hosts.statusOf(key)
    hosts.take('h1', whole(2, 1, { ...healthy }))
    expect(hosts.statusOf(key)).toBe(before)
    hosts.take('h1', reportOf({ number: 3, agents: [{ epoch: 1, value: agentStatusOf('a1') }] }))
    expect(hosts.statusOf(key)).toMatchObject({ state: 'idle' })
    hosts.take('h1', reportOf({ number: 4, isWhole: true }))
    expect(hosts.statusOf(key)).toBeUndefined()
  })

  it('count no more from an owner that another host has replaced', () => {
    const { hosts, places } = reported()
    places.set('acme.a1', place('h2', 2))
    hosts.take('h1', whole(1))
    expect(hosts.statusOf(key)).toBeUndefined()
    hosts.take('h2', whole(1, 2))
    places.clear()
    hosts.take('h1', whole(2, 1, agentStatusOf('a1')))
    expect(hosts.statusOf(key)).toMatchObject({ hostId: 'h2', state: 'healthy' })
    expect(hosts.isOutdated('h1', 1, key)).toBe(true)
    expect(hosts.isOutdated('h1', 3, key)).toBe(false)
  })

  it('are forgotten of agents that were removed, before they become too many', () => {
    const { hosts, removed } = reported()
    hosts.take('h1', whole(1))
    removed.add('b0')
    for (let i = 0; i < 1_000; i++) {
      const value = agentStatusOf(`b${i}`)
      hosts.take('h1', reportOf({ number: i + 2, agents: [{ epoch: 1, value }] }))
    }
    expect(hosts.statusOf({ tenant: 'acme', agentId: 'b0' })).toBeUndefined()
    expect(hosts.statusOf({ tenant: 'acme', agentId: 'b999' })).toBeDefined()
    expect(hosts.statusOf(key)).toBeDefined()
  })

  it('end with their host, which matters if one of its agents did something', () => {
    const { hosts, there } = reported()
    hosts.take('h1', whole(1))
    hosts.take('h2', reportOf({ isWhole: true, agents: [{ epoch: 1, value: agentStatusOf('a2') }] }))
    expect(hosts.forgetGone()).toBe(false)
    there.delete('h2')
    expect(hosts.forgetGone()).toBe(false)
    there.delete('h1')
    expect([hosts.statusOf(key), hosts.totals]).toEqual([undefined, []])
    expect(hosts.forgetGone()).toBe(true)
    there.add('h1')
    expect(hosts.statusOf(key)).toBeUndefined()
  })
})

describe('The numbers of several hosts', () => {
  it('are added up, but not the cap of a tenant', () => {
    const { totals } = reportOf()
    const other = { ...totals, tenants: { blue: { weight: 1, turns: { running: 1, queued: 0, max: 9 } } } }
    expect(totalsOf(fleetStatusOf([]), [totals, other])).toEqual({
      servers: { running: 3, starting: 0, max: 12 },
      turns: { running: 6, queued: 3, max: 24 },
      memory: { usedMb: 300, budgetMb: 3_000 },
      tenants: {
        acme: { weight: 2, turns: { running: 4, queued: 2, max: 3 } },
        blue: { weight: 1, turns: { running: 1, queued: 0, max: 9 } },
      },
    })
  })
})
