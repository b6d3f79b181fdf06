import { describe, expect, test } from 'vitest'
import { inlinesOf } from '../../../../../web/src/parts/markdown/parser/inline.ts'
import type { Inline } from '../../../../../web/src/parts/markdown/parser/inline-node.ts'

/** Returns parts in a short form: `em(a)`, `link(address|text)`. */
const short = (parts: readonly Inline[]): string => parts.map(shortPart).join('')

function shortPart(part: Inline): string {
  if (typeof part === 'string') return part
  switch (part.type) {
    case 'break':
      return 'break()'
    case 'code':
      return `code(${part.text})`
    case 'image':
      return `image(${part.href}|${part.text})`
    case 'link':
      return `link(${part.href}|${short(part.children)})`
    default:
      return `${part.type}(${short(part.children)})`
  }
}

describe('inlinesOf', () => {
  test.each([
    ['*a* _b_ **c** __d__', 'em(a) em(b) strong(c) strong(d)'],
    ['***a***', 'em(strong(a))'],
    ['**a*b**', 'strong(a*b)'],
    ['**a *b* c**', 'strong(a em(b) c)'],
    ['*a **b***', 'em(a strong(b))'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
    ['*a', '*a'],
    ['a**', 'a**'],
    ['~~a~~ ~b~', 'del(a) del(b)'],
    ['`a *b* c` ``a ` b``', 'code(a *b* c) code(a ` b)'],
    ['`a', '`a'],
    ['\\*a\\* \\a', '*a* \\a'],
    ['a  \nb\\\nc\nd', 'a  break()bbreak()c\nd'],
    ['[a *b*](https://x.example/a_b "title")', 'link(https://x.example/a_b|a em(b))'],
    ['[a](https://x.example/(b))', 'link(https://x.example/(b)|a)'],
    ['[a](<b c>)', 'link(b c|a)'],
    ['[a] (b) [c]', '[a] (b) [c]'],
    ['[a [b](c) d](e)', '[a link(c|b) d](e)'],
    ['![a](data:image/png;base64,AA==)', 'image(data:image/png;base64,AA==|a)'],
    ['[![a](b)](c)', 'link(c|image(b|a))'],
    [
      'see https://x.example/a_b_c. End',
      'see link(https://x.example/a_b_c|https://x.example/a_b_c). End'.replace(').', ').'),
    ],
    ['(https://x.example/a)', '(link(https://x.example/a|https://x.example/a))'],
    ['[https://a.example](https://b.example)', 'link(https://b.example|https://a.example)'],
    ['[**https://a.example**](b)', 'link(b|strong(https://a.example))'],
    ['[see https://a.example] b', '[see link(https://a.example|https://a.example)] b'],
    ['<https://x.example> <b>', 'link(https://x.example|https://x.example) <b>'],
    ['&lt;b&gt; &#65; &#x1F600; &nosuch; &#0;', '<b> A 😀 &nosuch; \u{fffd}'],
    ['`&lt;`', 'code(&lt;)'],
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ])('reads %j', (text, parts) => {
    expect(short(inlinesOf(text))).toBe(parts)
  })
})
