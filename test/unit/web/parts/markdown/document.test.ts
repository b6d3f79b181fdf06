import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MarkdownDocument } from '../../../../../web/src/parts/markdown/document.ts'

const fragments = [
  ...[
    'a',
    ' ',
    '\n',
    '\n\n',
    '# ',
    '- ',
    '  - b\n',
    '1. ',
    '2. x\n',
    '> ',
    '```',
    '```ts\n',
    '~~~\n',
    '---',
    '===',
  ],
  ...['| a | b |\n', '|---|---|\n', '    c', '`', '*', '\t', '\r\n', '[x] ', '<div>\n'],
]
const texts = fc.array(fc.constantFrom(...fragments), { maxLength: 30 })

describe('MarkdownDocument', () => {
  test('has the same blocks whether a text comes at once or in pieces', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(60), { maxLength: 20 }), (parts, cuts) => {
        const text = parts.join('')
        const growing = new MarkdownDocument()
        for (const cut of cuts.sort((a, b) => a - b)) growing.update(text.slice(0, cut))
        expect(growing.update(text)).toEqual(new MarkdownDocument().update(text))
      }),
      { numRuns: 2_000 },
    )
  })

  test('changes the object of the last block only when text is added', () => {
    const document = new MarkdownDocument()
    const before = document.update('# a\n\nb\n\n- c\n\nd')
    const after = document.update('# a\n\nb\n\n- c\n\nd e')
    expect(after.map(({ block }, i) => block === before[i]?.block)).toEqual([true, true, true, false])
  })

  test('reads a text anew that does not go on with the text before', () => {
    const document = new MarkdownDocument()
    document.update('# a\n\nb\n\nc\n')
    expect(document.update('x').map(({ block }) => block)).toEqual([{ type: 'paragraph', text: 'x' }])
  })
})
