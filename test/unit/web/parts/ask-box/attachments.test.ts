import { describe, expect, test } from 'vitest'
import { base64Of, mimeOf, mostBytesOf, refusalOf } from '../../../../../web/src/parts/ask-box/attachments.ts'

const limit = 1_048_576
const file = (mime: string, size = 10) => ({ filename: 'f', mime, size })

describe('mostBytesOf', () => {
  test('reads the limit of an agent', () => {
    expect(mostBytesOf({ max_attachment_bytes: 1_000 })).toBe(1_000)
    expect(mostBytesOf({ id: 'a1' })).toBe(20_971_520)
  })

  test('leaves room for base64 in the body that the gateway takes', () => {
    expect(mostBytesOf({ max_attachment_bytes: 1e12 }) * (4 / 3)).toBeLessThan(33_554_432)
  })
})

describe('refusalOf', () => {
  test('takes files within the limits', () => {
    expect(refusalOf(file('text/plain'), [], limit)).toBeUndefined()
    expect(refusalOf(file('image/png', 1_048_570), [file('text/plain', 6)], limit)).toBeUndefined()
  })

  test.each([
    ['a kind that no model takes', file('application/zip'), /no model takes \(application\/zip\)/],
    ['files that are too large together', file('text/plain', 1_048_576), /too large: at most 1 MB/],
  ])('refuses %s', (_name, given, reason) => {
    expect(refusalOf(given, [file('text/plain', 1_048_576)], limit)).toMatch(reason)
  })
})

describe('mimeOf', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)

  test.each([
    ['a program that the browser takes for video', 'video/mp2t', bytes('const a = 1'), 'text/plain'],
    ['a text without a type', '', bytes('# title'), 'text/plain'],
    ['a Markdown text', 'text/markdown; charset=utf-8', bytes('# title'), 'text/markdown'],
    ['an image', 'image/png', new Uint8Array([137, 80, 78, 71, 0]), 'image/png'],
    ['a file with NUL', '', new Uint8Array([65, 0]), ''],
    ['bytes that are no UTF-8', 'application/zip', new Uint8Array([255, 254]), 'application/zip'],
  ])('knows %s', (_name, told, content, mime) => {
    expect(mimeOf(told, content)).toBe(mime)
  })
})

test('base64Of encodes more bytes than a call has arguments', () => {
  const content = Uint8Array.from({ length: 200_001 }, (_, i) => i % 256)
  expect(base64Of(content)).toBe(Buffer.from(content).toString('base64'))
})
