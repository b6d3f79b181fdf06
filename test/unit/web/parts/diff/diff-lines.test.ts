import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOfPatch, linesOfTexts, sizeOf } from '../../../../../web/src/parts/diff/diff-lines.ts'

describe('linesOfPatch', () => {
  test('numbers the lines of a hunk', () => {
    const patch = '--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@ f()\n same\n-old\n+new\n same\n'
    expect(linesOfPatch(patch)).toEqual([
      { kind: 'meta', text: '--- a/x' },
      { kind: 'meta', text: '+++ b/x' },
      { kind: 'hunk', text: '@@ -2,3 +2,3 @@ f()' },
      { kind: 'same', text: 'same', before: 2, after: 2 },
      { kind: 'remove', text: 'old', before: 3 },
      { kind: 'add', text: 'new', after: 3 },
      { kind: 'same', text: 'same', before: 4, after: 4 },
    ])
  })

  test('takes a removed line of dashes as a removed line, and not as the head of a file', () => {
    const lines = linesOfPatch('@@ -1,2 +1,1 @@\n--- a/etc/passwd\n same')
    expect(lines[1]).toEqual({ kind: 'remove', text: '-- a/etc/passwd', before: 1 })
  })

  test('shows what follows a hunk, such as the next file', () => {
    const lines = linesOfPatch('@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\ndiff --git a/y b/y')
    expect(lines.slice(3).map(({ kind }) => kind)).toEqual(['meta', 'meta'])
  })

  test('counts added and removed lines', () => {
    expect(sizeOf(linesOfPatch('@@ -1,2 +1,1 @@\n-a\n-b\n+c'))).toEqual({ added: 1, removed: 2 })
  })
})

describe('linesOfTexts', () => {
  test('finds the smallest change', () => {
    expect(linesOfTexts('a\nb\nc\n', 'a\nx\nc\n')).toEqual([
      { kind: 'same', text: 'a', before: 1, after: 1 },
      { kind: 'remove', text: 'b', before: 2 },
      { kind: 'add', text: 'x', after: 2 },
      { kind: 'same', text: 'c', before: 3, after: 3 },
    ])
  })

  test('has all lines of both texts, in their order', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = linesOfTexts(`${before.join('\n')}\n`, `${after.join('\n')}\n`)
        const sides = (kind: string) => diff.filter((line) => line.kind === 'same' || line.kind === kind)
        const expected = (given: string[]) => (given.length === 0 ? [''] : given)
        expect(sides('remove').map(({ text }) => text)).toEqual(expected(before))
        expect(sides('add').map(({ text }) => text)).toEqual(expected(after))
      }),
    )
  })

  test('shows two large texts without anything in common as removed and added', () => {
    const many = (char: string) => Array.from({ length: 50_000 }, (_, i) => `${char}${i}`).join('\n')
    expect(sizeOf(linesOfTexts(many('a'), many('b')))).toEqual({ added: 50_000, removed: 50_000 })
  })
})
