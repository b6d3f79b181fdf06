import { describe, expect, it } from 'vitest'
import { turnIdOf } from '../../../../src/api/turn-input.ts'
import { hashOfBody, turnIdOfKey } from '../../../../src/gateway/turns/turn-id.ts'

describe('turnIdOfKey', () => {
  it('differs by token, agent and key, and is a valid id of a turn', () => {
    const owners = ['t', 't1'].flatMap((tokenId) => ['a', '1a'].map((agentId) => ({ tokenId, agentId })))
    const ids = owners.flatMap((owner) => ['k', 'k2'].map((key) => turnIdOfKey(owner, key)))
    expect(new Set(ids).size).toBe(8)
    for (const turnId of ids) expect(turnIdOf({ turnId })).toBe(turnId)
  })
})

describe('hashOfBody', () => {
  it('does not depend on the order of fields, but on all their values', () => {
    expect(hashOfBody({ a: 1, b: { c: [1, 2], d: null } })).toBe(
      hashOfBody({ b: { d: null, c: [1, 2] }, a: 1 }),
    )
    const others = [
      { a: 1 },
      { a: '1' },
      { a: [1] },
      { a: {} },
      { a: null },
      {},
      { b: 1 },
      JSON.parse('{"__proto__":1}'),
    ]
    expect(new Set(others.map(hashOfBody)).size).toBe(others.length)
  })
})
