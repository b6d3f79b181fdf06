import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ContextKeys, sealContext, type ContextTurn } from '../../../src/cluster/context-seal.ts'

const turn: ContextTurn = { cluster: 'prod', tenant: 'acme', agentId: 'a1', turnId: 't1' }
const secret = 'a secret of the hosts, the same on all of them'
const keys = new ContextKeys([secret])

describe('A sealed context', () => {
  it('opens on each host with the secret, for the turn that it was sealed for', () => {
    const value = fc.jsonValue()
    fc.assert(
      fc.property(value, (context) => {
        const sealed = sealContext(keys.publicKey, context, turn)
        expect(new ContextKeys([secret]).open(sealed, turn)).toEqual(JSON.parse(JSON.stringify(context)))
      }),
    )
  })

  it('shows nothing of the context, and is another one each time', () => {
    const [one, two] = [1, 2].map(() => sealContext(keys.publicKey, { user: 'somebody' }, turn))
    expect(one).not.toBe(two)
    expect(Buffer.from(one ?? '', 'base64url').toString('latin1')).not.toContain('somebody')
  })

  it.each([
    ['cluster', { cluster: 'test' }],
    ['tenant', { tenant: 'beta' }],
    ['agent', { agentId: 'a2' }],
    ['turn', { turnId: 't2' }],
    // Neighbouring names must not run together.
    ['agent and turn', { agentId: 'a', turnId: '1t1' }],
  ])('does not open for another %s', (_what, other) => {
    const sealed = sealContext(keys.publicKey, 1, turn)
    expect(() => keys.open(sealed, { ...turn, ...other })).toThrow(/another turn/)
  })

  it('does not open with any bit changed, or cut short', () => {
    const sealed = Buffer.from(sealContext(keys.publicKey, { user: 1 }, turn), 'base64url')
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(() => keys.open(changed.toString('base64url'), turn)).toThrow(/context was sealed/)
      expect(() => keys.open(sealed.subarray(0, i).toString('base64url'), turn)).toThrow(/context was sealed/)
    }
  })

  it('does not open with another secret, and opens with each of several ones', () => {
    const other = new ContextKeys(['another secret of other hosts, of 32 characters'])
    const sealed = sealContext(keys.publicKey, 1, turn)
    expect(() => other.open(sealed, turn)).toThrow(/another key.*contextKey/)
    const both = new ContextKeys(['the next secret, with 32 characters or more', secret])
    expect(both.open(sealed, turn)).toBe(1)
    expect(both.publicKey).not.toBe(keys.publicKey)
  })

  it('is refused for a value that JSON does not represent, and for a key that is none', () => {
    const loop: { self?: unknown } = {}
    loop.self = loop
    for (const value of [() => 1, Symbol('x'), 1n, loop])
      expect(() => sealContext(keys.publicKey, value, turn)).toThrow(/expected a value that JSON represents/)
    expect(() => sealContext('abc', 1, turn)).toThrow(/a key that this caller does not know/)
  })
})
