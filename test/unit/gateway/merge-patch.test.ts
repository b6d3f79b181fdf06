import { describe, expect, it } from 'vitest'
import { mergePatch, patchBeyond } from '../../../src/gateway/merge-patch.ts'

describe('mergePatch', () => {
  // The cases of RFC 7396, appendix A.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('changes %j by %j to %j', (value, patch, result) => expect(mergePatch(value, patch)).toEqual(result))

  it('takes __proto__ as a field like any other', () => {
    const result = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as object
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
    expect('polluted' in result).toBe(false)
  })
})

describe('patchBeyond', () => {
  it('leaves out what the caller was shown, at every depth', () => {
    const shown = { a: 1, proxy: { base_url: 'http://***@h', name: 'n' }, models: ['m'] }
    const patch = { a: 1, proxy: { base_url: 'http://***@h', name: 'other' }, models: ['m'], env: null }
    expect(patchBeyond(shown, patch)).toEqual({ proxy: { name: 'other' }, env: null })
  })
})
