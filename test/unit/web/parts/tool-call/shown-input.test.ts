import { describe, expect, test } from 'vitest'
import { digestOf, otherFields, shownInput } from '../../../../../web/src/parts/tool-call/shown-input.ts'

describe('shownInput', () => {
  test('shows a command with its note', () => {
    const args = { command: 'ls', description: 'List files', timeout: 5 }
    const input = shownInput(args)
    expect(input).toEqual({ kind: 'command', command: 'ls', note: 'List files' })
    expect(otherFields(args, input)).toEqual([['timeout', '5']])
  })

  test('shows an edit as a change from one text to another', () => {
    const args = { filePath: '/a', oldString: 'x', newString: 'y', replaceAll: true }
    const input = shownInput(args)
    expect(input).toEqual({ kind: 'edit', path: '/a', before: 'x', after: 'y' })
    expect(otherFields(args, input)).toEqual([['replaceAll', 'true']])
  })

  test('shows the diff of a request for an edit', () => {
    const diff = '--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y'
    expect(shownInput({ filepath: '/a', diff })).toEqual({ kind: 'patch', patch: diff })
  })

  test('leaves no field of an unknown tool out', () => {
    const args = { a: 'text', b: { c: [1] }, d: null }
    expect(otherFields(args, shownInput(args))).toEqual([
      ['a', 'text'],
      ['b', '{\n  "c": [\n    1\n  ]\n}'],
      ['d', 'null'],
    ])
  })

  test('leaves no field of a known tool out', () => {
    const args = { command: 'ls', filePath: '/hidden', oldString: 'a' }
    expect(otherFields(args, shownInput(args)).map(([name]) => name)).toEqual(['filePath', 'oldString'])
  })

  test('joins very many fields into one', () => {
    const args = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, i]))
    expect(otherFields(args, shownInput(args))).toHaveLength(1)
  })
})

describe('digestOf', () => {
  test.each([
    [{ command: 'npm test\nnpm run lint' }, 'npm test …'],
    [{ pattern: '*.ts', path: '/src' }, '/src'],
    [{ unknown: 1 }, '{"unknown":1}'],
    [{ todos: [{}, {}] }, '2 tasks'],
    [{}, ''],
  ])('returns one line for %j', (args, digest) => {
    expect(digestOf(args)).toBe(digest)
  })
})
