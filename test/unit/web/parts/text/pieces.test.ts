import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  beginningOf,
  lineCount,
  longestLine,
  piecesOf,
  prefixOf,
} from '../../../../../web/src/parts/text/pieces.ts'

const texts = fc
  .array(
    fc.oneof(
      fc.string(),
      fc.constant('\n'),
      fc.nat(5_000).map((size) => 'x'.repeat(size)),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

describe('piecesOf', () => {
  test('returns pieces that join to the text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(
          piecesOf(text)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(text)
      }),
    )
  })

  test('makes a piece of its own for each giant line', () => {
    const giant = 'x'.repeat(longestLine + 1)
    expect(piecesOf(`a\n${giant}\nb`)).toEqual([
      { text: 'a\n', isGiant: false },
      { text: `${giant}\n`, isGiant: true },
      { text: 'b', isGiant: false },
    ])
  })

  test('keeps each piece of many lines small', () => {
    const pieces = piecesOf('line\n'.repeat(100_000))
    expect(pieces).toHaveLength(500)
    expect(pieces.every(({ text }) => text.length <= 1_000)).toBe(true)
  })
})

describe('beginningOf', () => {
  test('returns whole lines up to the number of lines', () => {
    expect(beginningOf('a\nb\nc', { lines: 2, chars: 100 })).toBe('a\nb\n')
  })

  test('stops at the number of characters, and counts a giant line by what is shown of it', () => {
    const giant = 'x'.repeat(1_000_000)
    expect(beginningOf(`${giant}\na\nb`, { lines: 9, chars: longestLine + 2 })).toBe(`${giant}\na\n`)
  })
})

describe('lineCount', () => {
  test.each([
    ['', 0],
    ['a', 1],
    ['a\n', 1],
    ['a\nb', 2],
    ['\n\n', 2],
  ])('counts the lines of %j', (text, lines) => {
    expect(lineCount(text)).toBe(lines)
  })
})

test('prefixOf cuts no pair of surrogates', () => {
  expect(prefixOf('a😀b', 2)).toBe('a')
  expect(prefixOf('a😀b', 3)).toBe('a😀')
})
