import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callerAddress, RefusalLimit } from '../../../../src/gateway/access/refusal-limit.ts'

function limitAfter(refusals: number, address?: string): RefusalLimit {
  const limit = new RefusalLimit()
  for (let i = 0; i < refusals; i++) limit.add(address, 0)
  return limit
}

describe('RefusalLimit', () => {
  it('lets an address wait from the tenth refusal of a minute on, until the first of them is a minute old', () => {
    expect(limitAfter(9, 'a').waitOf('a', 0)).toBe(0)
    const limit = limitAfter(10, 'a')
    expect([limit.waitOf('a', 0), limit.waitOf('a', 59_999), limit.waitOf('a', 60_000)]).toEqual([
      60_000, 1, 0,
    ])
    expect(limit.waitOf('b', 0)).toBe(0)
  })

  it('never accepts more than 10 refusals in any minute', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 80 }), (waits) => {
        const limit = new RefusalLimit()
        const accepted: number[] = []
        let now = 1_000_000
        for (const wait of waits) {
          now += wait
          if (limit.waitOf('a', now) > 0) continue
          limit.add('a', now)
          accepted.push(now)
        }
        for (const at of accepted)
          expect(accepted.filter((other) => other >= at && other < at + 60_000).length).toBeLessThanOrEqual(
            10,
          )
      }),
    )
  })

  it.each([
    ['addresses of one IPv6 network of 64 bits', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['addresses of two IPv6 networks', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['the forms of one network', '2001:db8::1', '2001:0db8:0:0:1::', true],
    ['an IPv4 address in both forms', '10.0.0.1', '::ffff:10.0.0.1', true],
    ['two IPv4 addresses', '::ffff:10.0.0.1', '::ffff:10.0.0.2', false],
    ['a link-local address with its zone', 'fe80::1%eth0', 'fe80::1', true],
  ])('counts %s: %s and %s together: %s', (_what, one, other, isSame) => {
    expect(limitAfter(10, one).waitOf(other, 0) > 0).toBe(isSame)
  })

  it('counts all callers without an address together', () => {
    expect(limitAfter(10).waitOf(undefined, 0)).toBe(60_000)
  })

  it('remembers a bounded number of addresses, and forgets the oldest first', () => {
    const limit = limitAfter(10, '10.0.0.1')
    for (let i = 0; i < 9_999; i++) limit.add(`10.1.${i >> 8}.${i & 255}`, 1)
    expect([limit.size, limit.waitOf('10.0.0.1', 1)]).toEqual([10_000, 59_999])
    limit.add('10.9.9.9', 1)
    expect([limit.size, limit.waitOf('10.0.0.1', 1)]).toEqual([10_000, 0])
  })

  it('forgets an address whose refusals are old', () => {
    const limit = limitAfter(3, 'a')
    limit.waitOf('a', 60_000)
    expect(limit.size).toBe(0)
  })
})

describe('callerAddress', () => {
  const headers = new Headers({ 'x-forwarded-for': '6.6.6.6, 10.0.0.9' })

  it('returns the peer, which no header can replace', () => {
    expect(callerAddress('127.0.0.1', headers, false)).toBe('127.0.0.1')
  })

  it('returns the last forwarded address behind a proxy, which the proxy has added', () => {
    expect(callerAddress('127.0.0.1', headers, true)).toBe('10.0.0.9')
    expect(callerAddress('127.0.0.1', new Headers(), true)).toBe('127.0.0.1')
  })
})
