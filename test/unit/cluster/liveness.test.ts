import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  emptyRoster,
  hostsUp,
  isSteady,
  noteGone,
  noteHost,
  noteJoining,
  noteRenewed,
  verdictOf,
  type Roster,
} from '../../../src/cluster/liveness.ts'
import type { HostRecord } from '../../../src/cluster/store/records.ts'

const leaseMs = 1_000
const record = (beat: number, more: Partial<HostRecord> = {}): HostRecord => ({
  incarnation: 'i1',
  beat,
  state: 'up',
  max: 16,
  used: 0,
  opencode: '1.0.0',
  ...more,
})

/** Roster of an observer with good renewals from `from` to `to`, and a host that was seen at some times. */
function observed(from: number, to: number, seen: readonly number[]): Roster {
  const renewals = Array.from({ length: Math.floor((to - from) / 300) + 1 }, (_, i) => from + i * 300)
  const happenings = [
    ...renewals.map((at) => ({ at, act: (roster: Roster) => noteRenewed(roster, at) })),
    ...seen.map((at, i) => ({
      at,
      act: (roster: Roster) => noteHost(roster, 'h2', { record: record(i), revision: i + 1, now: at }),
    })),
  ].sort((a, b) => a.at - b.at)
  return happenings.reduce((roster, { act }) => act(roster), emptyRoster(leaseMs))
}

describe('verdictOf', () => {
  it('judges a host dead after a lease without a renewal', () => {
    const roster = observed(0, 3_000, [0, 300, 600])
    expect(verdictOf(roster, 'h2', 'i1', 1_599)).toBe('alive')
    expect(verdictOf(observed(0, 1_500, [600]), 'h2', 'i1', 1_600)).toBe('dead')
    expect(verdictOf(roster, 'h3', null, 600)).toBe('missing')
    expect(verdictOf(roster, 'h2', 'another', 600)).toBe('dead')
  })

  it('judges nobody while the observer’s own renewals are late, and for a lease after they are good again', () => {
    const roster = observed(0, 600, [0])
    expect(verdictOf(roster, 'h2', 'i1', 2_000)).toBe('unknown')
    const back = noteRenewed(roster, 5_000)
    expect(verdictOf(back, 'h2', 'i1', 5_001)).toBe('alive')
    const later = [5_300, 5_600, 5_900].reduce(noteRenewed, back)
    expect(verdictOf(later, 'h2', 'i1', 5_999)).toBe('alive')
    expect(verdictOf(later, 'h2', 'i1', 6_000)).toBe('dead')
  })

  it('never judges a host dead that was seen within a lease, nor while the observer is not steady', () => {
    const times = fc
      .array(fc.nat(10_000), { minLength: 1, maxLength: 20 })
      .map((list) => list.sort((a, b) => a - b))
    const world = fc.record({ seen: times, from: fc.nat(5_000), length: fc.nat(5_000), at: fc.nat(10_000) })
    fc.assert(
      fc.property(world, ({ seen, from, length, at }) => {
        const to = Math.min(at, from + length)
        const before = seen.filter((time) => time <= at)
        const roster = observed(from, Math.max(from, to), before)
        const verdict = verdictOf(roster, 'h2', 'i1', at)
        if (verdict !== 'dead') return
        expect(isSteady(roster, at)).toBe(true)
        expect(at - (before.at(-1) ?? -Infinity)).toBeGreaterThanOrEqual(leaseMs)
        expect(at - from).toBeGreaterThanOrEqual(leaseMs)
      }),
    )
  })
})

describe('A roster', () => {
  it('ignores older revisions, forgets hosts that leave, and judges nobody after a new join', () => {
    const first = noteHost(emptyRoster(leaseMs), 'h2', { record: record(2), revision: 7, now: 0 })
    expect(noteHost(first, 'h2', { record: record(1), revision: 6, now: 5 })).toBe(first)
    expect(noteGone(first, 'h3')).toBe(first)
    expect(noteGone(first, 'h2').hosts.size).toBe(0)
    const steady = noteRenewed(first, 10)
    expect(isSteady(steady, 10)).toBe(true)
    expect(verdictOf(noteJoining(steady), 'h2', 'i1', 10)).toBe('unknown')
  })

  it('lists hosts that take agents', () => {
    let roster = noteRenewed(emptyRoster(leaseMs), 0)
    roster = noteHost(roster, 'h1', { record: record(1), revision: 1, now: 0 })
    roster = noteHost(roster, 'h2', { record: record(1, { state: 'draining' }), revision: 2, now: 0 })
    expect(hostsUp(roster, 1).map(({ id }) => id)).toEqual(['h1'])
  })
})
