import { describe, expect, test } from 'vitest'
import { isSafeImage, safeLink } from '../../../../../web/src/parts/markdown/safe-url.ts'

describe('safeLink', () => {
  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    ' javascript:alert(1)',
    'vbscript:msgbox(1)',
    'data:text/html,<script>alert(1)</script>',
    'blob:http://a/b',
    'file:///etc/passwd',
    '//evil.example',
    '/v1/agents/a/stop',
    '#top',
    '?x',
    'https:/\n/evil.example',
    'http://',
    'view-source:http://a',
  ])('makes no link of %j', (href) => {
    expect(safeLink(href, 'text')).toBeUndefined()
  })

  test.each(['https://x.example/a?b#c', 'http://x.example/', 'mailto:a@x.example'])('opens %s', (href) => {
    expect(safeLink(href, 'text')).toEqual({ href, host: undefined })
  })

  test.each([
    ['the name of another host', 'https://evil.example/', 'bank.com', 'evil.example'],
    ['the address of another host', 'https://evil.example/', '**https://bank.com/login**', 'evil.example'],
    ['a user name that looks like a host', 'https://bank.com@evil.example/', 'click', 'evil.example'],
    ['letters of other scripts', 'https://b\u0430nk.com/', 'click', 'xn--bnk-6cd.com'],
  ])('tells the host of a link with %s', (_name, href, text, host) => {
    expect(safeLink(href, text)?.host).toBe(host)
  })

  test('tells no host for a text with the host of the link', () => {
    expect(safeLink('https://www.x.com/a', 'https://x.com')?.host).toBeUndefined()
  })
})

describe('isSafeImage', () => {
  test.each([
    ['data:image/png;base64,iVBORw0KGgo=', true],
    ['data:image/svg+xml;base64,PHN2Zz4=', false],
    ['data:image/svg+xml,<svg onload=alert(1)>', false],
    ['data:text/html;base64,PHNjcmlwdD4=', false],
    ['https://evil.example/pixel.png', false],
    ['//evil.example/pixel.png', false],
    ['/v1/agents', false],
    [`data:image/png;base64,${'A'.repeat(3_000_000)}`, false],
  ])('tells whether %.60s is in the text', (href, isSafe) => {
    expect(isSafeImage(href)).toBe(isSafe)
  })
})
