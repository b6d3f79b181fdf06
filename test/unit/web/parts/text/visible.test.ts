import { describe, expect, test } from 'vitest'
import { segmentsOf, visibleText } from '../../../../../web/src/parts/text/visible.ts'

describe('segmentsOf', () => {
  test('returns a usual text as it is', () => {
    expect(segmentsOf('plain\ttext\nwith “quotes”')).toEqual([{ text: 'plain\ttext\nwith “quotes”' }])
    expect(segmentsOf('')).toEqual([])
  })

  test('shows an override of the direction, so that a reversed command can be read', () => {
    expect(segmentsOf('rm \u202eevil')).toEqual([
      { text: 'rm ' },
      { mark: 'U+202E', title: 'right-to-left override (U+202E)' },
      { text: 'evil' },
    ])
  })

  test.each([
    ['a zero-width space', 'a\u200bb', 'a[U+200B]b'],
    ['a soft hyphen', 'a\u00adb', 'a[U+00AD]b'],
    ['a byte order mark', '\ufeffa', '[U+FEFF]a'],
    ['an isolate', '\u2066a\u2069', '[U+2066]a[U+2069]'],
    ['a tag character', 'a\u{e0041}', 'a[U+E0041]'],
    ['a variation selector without an emoji', 'a\u{e0100}', 'a[U+E0100]'],
    ['a Hangul filler', 'a\u3164b', 'a[U+3164]b'],
    ['a line separator', 'a\u2028b', 'a[U+2028]b'],
    ['an escape', '\u001b[0m', '[␛][0m'],
    ['a NUL', 'a\u0000', 'a[␀]'],
    ['a control character of the second set', 'a\u009b', 'a[U+009B]'],
    ['a joiner between Latin letters', 'pay\u200dpal', 'pay[U+200D]pal'],
  ])('shows %s', (_name, text, shown) => {
    expect(visibleText(text)).toBe(shown)
  })

  test.each([
    ['a family', '👩\u200d👧'],
    ['a heart with its selector', '❤\ufe0f'],
    ['a keycap', '1\ufe0f\u20e3'],
    ['Persian', 'می\u200cخواهم'],
    ['Devanagari', 'क्\u200dष'],
  ])('leaves %s as it is', (_name, text) => {
    expect(segmentsOf(text)).toEqual([{ text }])
  })

  test('joins a run of the same character into one label', () => {
    expect(segmentsOf('\u200b'.repeat(1_000_000))).toEqual([
      { mark: 'U+200B × 1000000', title: 'zero-width space (U+200B) × 1000000' },
    ])
  })

  test('keeps the number of labels small, without hiding a character', () => {
    const segments = segmentsOf('a\u200bb\u200c'.repeat(50_000))
    expect(segments.length).toBeLessThan(250)
    const rest = segments.at(-1)
    expect(rest && 'text' in rest && rest.text).toContain('a\u{fffd}b\u{fffd}')
  })
})
