import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claimPlaces, noQuota } from '../../../../src/cluster/quota/shares.ts'
import type { QuotaRecord } from '../../../../src/cluster/store/records.ts'

const nobody = new Map<string, string>()

/** Host of a property: its turns, as far as the host knows. */
interface Host {
  readonly hostId: string
  running: number
  waiting: number
  fresh: number
}

/** Hosts that share the places of one tenant by one record, each step by compare-and-set. */
class Tenant {
  record: QuotaRecord = noQuota
  readonly hosts: Host[]
  readonly #cap: number

  constructor(count: number, cap: number) {
    this.hosts = Array.from({ length: count }, (_, i) => ({
      hostId: `h${i}`,
      running: 0,
      waiting: 0,
      fresh: 0,
    }))
    this.#cap = cap
  }

  /** Lets a host store what it should, and start the turns that it may. */
  settle(host: Host): boolean {
    const claim = () => claimPlaces(this.record, { ...host, incarnation: 'i', cap: this.#cap }, nobody)
    const { record } = claim()
    const takenOf = (stored: QuotaRecord) => stored.hosts[host.hostId]?.taken ?? 0
    if (record) {
      const got = takenOf(record) - takenOf(this.record)
      host.fresh = got > 0 ? host.fresh + got : Math.min(host.fresh, takenOf(record) - host.running)
      this.record = record
    }
    const before = host.running
    while (host.waiting > 0 && host.running < claim().allowed) {
      host.running++
      host.waiting--
      host.fresh = Math.max(0, host.fresh - 1)
    }
    return record !== undefined || host.running > before
  }

  /** Settles all hosts until nothing changes. */
  settleAll(): void {
    for (let i = 0; i < 100; i++) if (!this.hosts.map((host) => this.settle(host)).includes(true)) return
    throw new Error(`does not settle: ${JSON.stringify(this)}`)
  }

  get running(): number {
    return this.hosts.reduce((sum, { running }) => sum + running, 0)
  }

  get taken(): number {
    return Object.values(this.record.hosts).reduce((sum, { taken }) => sum + taken, 0)
  }
}

describe('Places of a tenant', () => {
  it('are never more than the cap, are all used while turns wait, and settle', () => {
    const acts = fc.array(
      fc.record({
        host: fc.nat(4),
        act: fc.constantFrom('come', 'end', 'cancel', 'settle'),
        count: fc.nat(6),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(
        acts,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 8 }),
        (steps, count, cap) => {
          const tenant = new Tenant(count, cap)
          for (const { host: n, act, count: turns } of steps) {
            const host = tenant.hosts[n % count]
            if (!host) continue
            if (act === 'come') host.waiting += turns
            if (act === 'end') host.running = Math.max(0, host.running - turns)
            if (act === 'cancel') host.waiting = Math.max(0, host.waiting - turns)
            tenant.settle(host)
            expect(tenant.running).toBeLessThanOrEqual(cap)
            expect(tenant.taken).toBeLessThanOrEqual(cap)
          }
          tenant.settleAll()
          const waiting = tenant.hosts.reduce((sum, host) => sum + host.waiting, 0)
          expect(tenant.running).toBe(Math.min(cap, tenant.running + waiting))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('go round: each host with turns gets its share of the ends, also with fewer places than hosts', () => {
    for (const [count, cap] of [
      [3, 1],
      [3, 2],
      [2, 5],
    ] as const) {
      const tenant = new Tenant(count, cap)
      for (const host of tenant.hosts) host.waiting = 1_000
      const ends = tenant.hosts.map(() => 0)
      for (let i = 0; i < 300; i++) {
        tenant.settleAll()
        const n = tenant.hosts.findIndex(({ running }, index) => running > 0 && index === i % count)
        const ended = n === -1 ? tenant.hosts.findIndex(({ running }) => running > 0) : n
        const host = tenant.hosts[ended]
        if (!host) throw new Error('nothing runs')
        host.running--
        ends[ended] = (ends[ended] ?? 0) + 1
      }
      expect(Math.min(...ends)).toBeGreaterThan(300 / count / 2)
    }
  })

  it('stay with a host that does not need them, until another one does', () => {
    const tenant = new Tenant(2, 4)
    const [one, two] = tenant.hosts
    if (!one || !two) throw new Error('two hosts')
    one.waiting = 4
    tenant.settleAll()
    one.running = 0
    tenant.settleAll()
    expect(tenant.record.hosts['h0']?.taken).toBe(4)
    two.waiting = 3
    tenant.settleAll()
    expect(two.running).toBe(3)
  })

  it('of a host that is gone are free', () => {
    const tenant = new Tenant(2, 2)
    const [one, two] = tenant.hosts
    if (!one || !two) throw new Error('two hosts')
    one.waiting = 2
    tenant.settleAll()
    two.waiting = 1
    const need = { ...two, incarnation: 'i', cap: 2 }
    expect(claimPlaces(tenant.record, need, nobody)).toMatchObject({ allowed: 0, blockers: ['h0'] })
    expect(claimPlaces(tenant.record, need, new Map([['h0', 'other']])).blockers).toEqual(['h0'])
    expect(claimPlaces(tenant.record, need, new Map([['h0', 'i']])).record?.hosts).toEqual({
      h1: { incarnation: 'i', taken: 1, wanted: 1, granted: 2 },
    })
  })
})
