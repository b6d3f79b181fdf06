import { describe, expect, test } from 'vitest'
import type { Block } from '../../../../../web/src/parts/markdown/parser/block.ts'
import { blocksOf } from '../../../../../web/src/parts/markdown/parser/blocks.ts'

const parse = (text: string): Block[] => blocksOf(text.split('\n')).map(({ block }) => block)
const paragraph = (text: string): Block => ({ type: 'paragraph', text })
const item = (text: string) => ({ isDone: undefined, blocks: [paragraph(text)] })
const code = (text: string, language = ''): Block => ({ type: 'code', language, text })

describe('blocksOf', () => {
  test.each<[string, string, Block[]]>([
    ['paragraphs', 'a\nb\n\nc', [paragraph('a\nb'), paragraph('c')]],
    ['a heading with a closing mark', '## A # b ##', [{ type: 'heading', depth: 2, text: 'A # b' }]],
    ['no heading without a space', '#hashtag', [paragraph('#hashtag')]],
    [
      'underlined headings',
      'A\n===\nB\n--',
      [
        { type: 'heading', depth: 1, text: 'A' },
        { type: 'heading', depth: 2, text: 'B' },
      ],
    ],
    ['a rule', 'a\n\n* * *', [paragraph('a'), { type: 'rule' }]],
    ['code between fences', '```ts x\na\n\n  b\n```\nc', [code('a\n\n  b', 'ts'), paragraph('c')]],
    ['a longer fence around a shorter one', '````\n```\na\n```\n````', [code('```\na\n```')]],
    ['code without an end, as while it is written', '~~~\na', [code('a')]],
    ['no fence with a backtick behind it', '```a` b', [paragraph('```a` b')]],
    ['indented code', '    a\n\n    b\n\nc', [code('a\n\nb'), paragraph('c')]],
    [
      'a quote that goes on without its mark',
      '> a\nb\n> > c\n\nd',
      [
        { type: 'quote', blocks: [paragraph('a\nb'), { type: 'quote', blocks: [paragraph('c')] }] },
        paragraph('d'),
      ],
    ],
    [
      'a list after a paragraph',
      'a\n- b\n- c',
      [paragraph('a'), { type: 'list', start: undefined, isLoose: false, items: [item('b'), item('c')] }],
    ],
    [
      'a number within a paragraph',
      'It was in\n1986. What a year.',
      [paragraph('It was in\n1986. What a year.')],
    ],
    [
      'an ordered list with a start',
      '3. a\n4. b',
      [{ type: 'list', start: 3, isLoose: false, items: [item('a'), item('b')] }],
    ],
    [
      'two lists with other marks',
      '- a\n* b',
      [
        { type: 'list', start: undefined, isLoose: false, items: [item('a')] },
        { type: 'list', start: undefined, isLoose: false, items: [item('b')] },
      ],
    ],
    [
      'a list with blank lines',
      '- a\n\n- b\n\nc',
      [{ type: 'list', start: undefined, isLoose: true, items: [item('a'), item('b')] }, paragraph('c')],
    ],
    [
      'tasks',
      '- [ ] a\n- [x] b',
      [
        {
          type: 'list',
          start: undefined,
          isLoose: false,
          items: [
            { isDone: false, blocks: [paragraph('a')] },
            { isDone: true, blocks: [paragraph('b')] },
          ],
        },
      ],
    ],
    [
      'code in an item',
      '1. a\n   ```\n   b\n   ```\n2. c',
      [
        {
          type: 'list',
          start: 1,
          isLoose: false,
          items: [{ isDone: undefined, blocks: [paragraph('a'), code('b')] }, item('c')],
        },
      ],
    ],
    [
      'a table',
      '| a | b\\|c |\n|:--|--:|\n| 1 | 2 | 3 |\n| 4 |\n\nd',
      [
        {
          type: 'table',
          alignments: ['left', 'right'],
          header: ['a', 'b|c'],
          rows: [
            ['1', '2'],
            ['4', ''],
          ],
        },
        paragraph('d'),
      ],
    ],
    ['no table with another number of dashes', '| a | b |\n|---|', [paragraph('| a | b |\n|---|')]],
    ['HTML as text', '<script>\nalert(1)\n</script>', [paragraph('<script>\nalert(1)\n</script>')]],
  ])('reads %s', (_name, text, blocks) => {
    expect(parse(text)).toEqual(blocks)
  })

  test('takes an inner list that is indented by two columns, as models write it', () => {
    const [list] = parse('1. a\n  - b\n  - c\n2. d')
    expect(list).toMatchObject({
      items: [{ blocks: [paragraph('a'), { type: 'list', items: [item('b'), item('c')] }] }, item('d')],
    })
  })

  test('keeps a nesting that is too deep as text', () => {
    const depthOf = (block: Block | undefined): number =>
      block?.type === 'quote' ? 1 + depthOf(block.blocks[0]) : 0
    expect(depthOf(parse(`${'>'.repeat(5_000)} a`)[0])).toBeLessThan(20)
  })
})
