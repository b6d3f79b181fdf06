import { describe, expect, it } from 'vitest'
import { isDecodable, mayBeSame } from '../../../../src/io/opencode/directory-name.ts'

describe('isDecodable', () => {
  it.each([
    ['/jobs/shop_feature%2Flogin', true],
    ['/My%20Project', true],
    ['/100%25', true],
    ['/plain', false],
    ['/100%', false],
    ['/%E9', false],
    ['/x+y', false],
  ])('returns for %s: %s', (name, expected) => {
    expect(isDecodable(name)).toBe(expected)
  })
})

describe('mayBeSame', () => {
  it.each([
    ['/w', '/w'],
    ['/w/', '/w'],
    ['/w/x/../y', '/w/y'],
    ['/w//y', '/w/y'],
    ['/', '/'],
    ['/link/src', '/real/place/src'],
    ['/caf\u00e9', '/cafe\u0301'],
    ['/jobs/a%2Fb', '/jobs/a%2Fb'],
    ['/link/a%2Fb/src', '/real/a%2Fb/src'],
    ['/link', '/jobs/a%2Fb'],
    ['/100%', '/100%'],
    ['C:/work', 'C:\\work'],
  ])('accepts for %j the answer %j', (sent, answered) => {
    expect(mayBeSame(sent, answered)).toBe(true)
  })

  it.each([
    ['/jobs/a%2Fb', '/jobs/a/b'],
    ['/jobs/a%2Fb/src', '/jobs/a/b/src'],
    ['/My%20Project', '/My Project'],
    ['/100%25', '/100%'],
    ['/x/%2E%2E/y', '/y'],
    ['/link/a%2Fb', '/real/a/b'],
    ['/s p', '/s%20p'],
    ['/s/p', '/srv/%2Fs%2Fp'],
    ['/w', '/srv/%2Fw'],
  ])('rejects for %j the answer %j', (sent, answered) => {
    expect(mayBeSame(sent, answered)).toBe(false)
  })
})
