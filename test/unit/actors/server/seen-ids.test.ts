import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeenIds } from '../../../../src/actors/server/seen-ids.ts'

const idOf = (age: number): string => `evt_${String(age).padStart(26, '0')}`
const ages = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)

describe('SeenIds', () => {
  it('detects repeated ids in any order of ids', () => {
    const id = fc.oneof(fc.nat({ max: 30 }).map(idOf), fc.string())
    const isId = (text: string): boolean => !text.includes('\n')
    fc.assert(
      fc.property(fc.array(id), (ids) => {
        const seen = new SeenIds()
        const answers = ids.map((text) => seen.isRepeated(text))
        expect(answers).toEqual(ids.map((text, i) => isId(text) && ids.indexOf(text) < i))
      }),
    )
  })

  it('does not confuse an id with a longer id that contains it, or with two ids', () => {
    const seen = new SeenIds()
    for (const age of ages(1_000)) seen.isRepeated(idOf(age))
    for (const text of ['evt_', idOf(1).slice(1), idOf(1).slice(0, -1), '', `${idOf(1)}\n${idOf(2)}`])
      expect(seen.isRepeated(text), text).toBe(false)
  })

  it('remembers 10,000 ids, and at most one block of 1,000 more', () => {
    const seen = new SeenIds()
    for (const age of ages(21_500)) expect(seen.isRepeated(idOf(age))).toBe(false)
    expect(seen.isRepeated(idOf(11_000))).toBe(true)
    expect(seen.isRepeated(idOf(21_499))).toBe(true)
    expect(seen.isRepeated(idOf(10_999))).toBe(false)
  })

  it('remembers the latest ids also after an id that is newer than all, or arrives late', () => {
    const seen = new SeenIds()
    seen.isRepeated('evt_zzz')
    for (const age of ages(2_500)) expect(seen.isRepeated(idOf(age))).toBe(false)
    for (const age of ages(2_500)) expect(seen.isRepeated(idOf(age))).toBe(true)
  })

  it('forgets all ids when cleared', () => {
    const seen = new SeenIds()
    for (const age of ages(1_500, 7)) seen.isRepeated(idOf(age))
    seen.clear()
    for (const age of [9_999, 1_506, 1_000, 7]) expect(seen.isRepeated(idOf(age))).toBe(false)
    expect(seen.isRepeated(idOf(7))).toBe(true)
  })

  it('ignores values that are not strings', () => {
    const seen = new SeenIds()
    for (const id of [undefined, undefined, 7, 7, null, {}]) expect(seen.isRepeated(id)).toBe(false)
  })
})
