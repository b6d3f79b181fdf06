import { describe, expect, test } from 'vitest'
import { MarkdownDocument } from '../../../../../web/src/parts/markdown/document.ts'
import type { Block } from '../../../../../web/src/parts/markdown/parser/block.ts'
import { inlinesOf } from '../../../../../web/src/parts/markdown/parser/inline.ts'
import type { Inline } from '../../../../../web/src/parts/markdown/parser/inline-node.ts'

/** Largest text that the view reads as Markdown, in characters. */
const size = 100_000
const filled = (text: string): string => text.repeat(Math.ceil(size / text.length)).slice(0, size)

/** Time that no text of this size may take, in ms: a hundred times what a usual text takes on a slow machine. */
const longestMs = 2_000

/** Reads a text as the view does. Returns the time in ms. */
function timeOf(text: string): number {
  const start = performance.now()
  for (const { block } of new MarkdownDocument().update(text)) readInlines(block)
  return performance.now() - start
}

function readInlines(block: Block): void {
  if (block.type === 'paragraph' || block.type === 'heading') inlinesOf(block.text)
  if (block.type === 'quote') block.blocks.forEach(readInlines)
  if (block.type === 'list') for (const item of block.items) item.blocks.forEach(readInlines)
  if (block.type === 'table') block.rows.flat().forEach((cell) => inlinesOf(cell))
}

const depthOf = (parts: readonly Inline[]): number =>
  Math.max(
    0,
    ...parts.map((part) => (typeof part === 'object' && 'children' in part ? 1 + depthOf(part.children) : 0)),
  )

const stairs = Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}- a`).join('\n')

describe('reading Markdown that is made to be slow', () => {
  test.each([
    ...[
      '>',
      '> > ',
      '- ',
      '* + ',
      '1. ',
      '- a\n',
      '- a\n\n',
      '  - a\n',
      '# a\n',
      '#',
      'a\n=\n',
      '```\na\n',
      '~~~ x\n',
    ],
    ...[
      '|a',
      '|a|b|\n',
      '|a|\n|-|\n',
      '|',
      '<div>\n',
      '<!-- ',
      '[a]: b\n',
      ' ',
      '\n',
      '\t',
      'abc\n',
      '    a\n',
      '---x',
    ],
    ...['> - ', '>\n', '- - -\n', '* * * *x', '_ _ '],
  ])('takes a short time for lines of %j', (text) => {
    expect(timeOf(filled(text))).toBeLessThan(longestMs)
  })

  test.each([
    ...[
      '[',
      '![',
      '[a](b',
      '[a](',
      '[a](<',
      '[a](b "',
      '*a **b ',
      '_a __b ',
      '*',
      'a**',
      '**a *b** c* ',
      '*(',
      ')*',
    ],
    ...[
      '`a``',
      '<',
      '<http://',
      'http://a.',
      'a@b.',
      '\\',
      '~a ~~b ',
      '[![',
      ']',
      '](',
      '&amp;',
      '&#',
      '[a](b)',
      '((',
    ],
    ...['` ', ' `', 'h', 'https://', '[a](data:image/png;base64,'],
  ])('takes a short time for paragraphs of %j', (text) => {
    const paragraph = filled(text).slice(0, 16_000)
    expect(timeOf(`${paragraph}\n\n`.repeat(6))).toBeLessThan(longestMs)
  })

  test('takes a short time for a staircase of lists', () => {
    expect(timeOf(stairs)).toBeLessThan(longestMs)
  })

  test('does not nest emphasis and links without a bound', () => {
    const nested = `${'*a **b '.repeat(1_000)}${'c** d* '.repeat(1_000)}`
    expect(depthOf(inlinesOf(nested))).toBeLessThan(20)
    expect(depthOf(inlinesOf(`${'['.repeat(2_000)}a${'](b)'.repeat(2_000)}`))).toBeLessThan(20)
  })

  test('leaves a paragraph that is too long as text', () => {
    expect(inlinesOf('*a* '.repeat(10_000))).toEqual(['*a* '.repeat(10_000)])
  })
})
