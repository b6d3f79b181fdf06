import { describe, expect, it } from 'vitest'
import { PageCache } from '../../../../src/gateway/log/page-cache.ts'
import type { Batch } from '../../../../src/gateway/log/tail.ts'
import { delta } from '../../../support/turn-log.ts'

const page = (first: number, last: number): Batch =>
  Array.from({ length: last - first + 1 }, (_, i) => ({ seq: first + i, reply: delta('x') }))

describe('find', () => {
  it('returns the page that begins with the reply, as it is, so that it is encoded once', () => {
    const cache = new PageCache()
    const known = page(5, 8)
    cache.add(1, known, false)
    expect(cache.find(1, 5)).toBe(known)
  })

  it('returns the rest of a page to a reader that begins within the page', () => {
    const cache = new PageCache()
    cache.add(1, page(5, 8), false)
    expect(cache.find(1, 7)).toEqual(page(7, 8))
  })

  it('has nothing outside the page, and nothing of another turn', () => {
    const cache = new PageCache()
    cache.add(1, page(5, 8), false)
    expect(cache.find(1, 4)).toBeUndefined()
    expect(cache.find(1, 9)).toBeUndefined()
    expect(cache.find(2, 5)).toBeUndefined()
  })

  it('forgets the page that was not used for longest', () => {
    const cache = new PageCache()
    for (let seq = 1; seq <= 32; seq++) cache.add(1, page(seq, seq), false)
    expect(cache.find(1, 1)).toEqual(page(1, 1))
    cache.add(1, page(33, 33), false)
    expect(cache.find(1, 1)).toEqual(page(1, 1))
    expect(cache.find(1, 2)).toBeUndefined()
    expect(cache.find(1, 3)).toEqual(page(3, 3))
  })

  it('has a large page as long as a reader has it, beside the others', () => {
    const cache = new PageCache()
    const large = page(9, 9)
    cache.add(1, page(1, 8), false)
    cache.add(1, large, true)
    expect(cache.find(1, 9)).toBe(large)
    expect(cache.find(1, 1)).toEqual(page(1, 8))
  })

  it('has nothing after all was forgotten', () => {
    const cache = new PageCache()
    cache.add(1, page(1, 1), false)
    cache.add(1, page(2, 2), true)
    cache.clear()
    expect(cache.find(1, 1)).toBeUndefined()
    expect(cache.find(1, 2)).toBeUndefined()
  })
})
