import { expect, test } from 'vitest'
import { noRecent, remembering, stampOf } from '../../../../src/machines/fair-queue/recent.ts'

const minute = 60_000

test('stampOf returns the stamp of the last admission', () => {
  const recent = remembering(remembering(noRecent, 'a', 1, 0), 'a', 2, 10)
  expect(stampOf(recent, 'a', 20)).toBe(2)
  expect(stampOf(recent, 'b', 20)).toBe(0)
})

test('stampOf returns 0 for an admission of an earlier minute than the last one', () => {
  const recent = remembering(noRecent, 'a', 1, 10)
  expect(stampOf(recent, 'a', 2 * minute - 1)).toBe(1)
  expect(stampOf(recent, 'a', 2 * minute)).toBe(0)
})

test('remembering another admission keeps those of its minute and of the minute before', () => {
  const two = remembering(remembering(noRecent, 'a', 1, 0), 'b', 2, minute)
  expect([stampOf(two, 'a', minute), stampOf(two, 'b', minute)]).toEqual([1, 2])
  expect([stampOf(two, 'a', 2 * minute), stampOf(two, 'b', 2 * minute)]).toEqual([0, 2])
  const later = remembering(two, 'c', 3, 2 * minute)
  expect([stampOf(later, 'a', 2 * minute), stampOf(later, 'b', 2 * minute)]).toEqual([0, 2])
  expect(stampOf(remembering(two, 'c', 3, 5 * minute), 'b', 5 * minute)).toBe(0)
})
