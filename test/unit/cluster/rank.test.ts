import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rank, type Candidate } from '../../../src/cluster/rank.ts'

const host = (id: string, max = 100, used = 0): Candidate => ({ id, record: { max, used } })
const hosts = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-z]{1,6}$/),
    record: fc.record({ max: fc.integer({ min: 1, max: 50 }), used: fc.nat(60) }),
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 20 },
)

describe('rank', () => {
  it('names each host with room once, in an order that does not depend on the order of the hosts', () => {
    fc.assert(
      fc.property(fc.string(), hosts, fc.string(), (agent, list, last) => {
        const order = rank(agent, list, last)
        const free = list.filter(({ record }) => record.used < record.max).map(({ id }) => id)
        expect([...order].sort()).toEqual([...free].sort())
        expect(rank(agent, [...list].reverse(), last)).toEqual(order)
      }),
    )
  })

  it('puts the last host first, and keeps the order of the others when a host goes', () => {
    fc.assert(
      fc.property(fc.string(), hosts, fc.nat(), (agent, list, n) => {
        const last = list[n % list.length]
        const order = rank(agent, list, last?.id ?? null)
        if (last && last.record.used < last.record.max) expect(order[0]).toBe(last.id)
        const gone = order[n % Math.max(1, order.length)]
        const rest = list.filter(({ id }) => id !== gone)
        expect(rank(agent, rest, last?.id ?? null)).toEqual(order.filter((id) => id !== gone))
      }),
    )
  })

  it('spreads agents by capacity', () => {
    const all = [host('a', 100), host('b', 100), host('c', 200)]
    const counts = new Map<string, number>()
    for (let i = 0; i < 4_000; i++) {
      const [first = ''] = rank(`acme.a${i}`, all, null)
      counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    expect(counts.get('a')).toBeGreaterThan(850)
    expect(counts.get('a')).toBeLessThan(1_150)
    expect(counts.get('c')).toBeGreaterThan(1_850)
  })
})
