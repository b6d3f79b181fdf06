import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { hostResult } from '../../../../src/actors/server/host-result.ts'

const text = (output: string) => ({ output })
const image = { type: 'image', data: 'aGk=', mimeType: 'image/png' }

describe('hostResult', () => {
  it('takes a text as it is, and any other value as JSON', () => {
    expect(hostResult('so')).toEqual(text('so'))
    expect(hostResult({ total: 20 })).toEqual(text('{"total":20}'))
    expect(hostResult([1, null])).toEqual(text('[1,null]'))
    expect(hostResult(0)).toEqual(text('0'))
    expect(hostResult(null)).toEqual(text('null'))
    expect(hostResult(undefined)).toEqual(text(''))
  })

  it('takes content of MCP, with its images', () => {
    const content = [{ type: 'text', text: 'one' }, image, { type: 'text', text: 'two' }]
    expect(hostResult({ content })).toEqual({
      output: 'one\ntwo',
      attachments: [{ type: 'file', mime: 'image/png', url: 'data:image/png;base64,aGk=' }],
    })
  })

  it.each([
    [{ content: 'a page' }],
    [{ content: [] }],
    [{ content: [{ type: 'audio' }] }],
    [{ isError: true }],
  ])('takes %j as JSON, because it is no content of MCP', (value) => {
    expect(hostResult(value)).toEqual(text(JSON.stringify(value)))
  })

  it('throws the text of an error of MCP', () => {
    const content = [{ type: 'text', text: 'no such order' }]
    expect(() => hostResult({ content, isError: true })).toThrow('no such order')
  })

  it.each([[[]], [[{ type: 'resource', uri: 'file:///a' }]]])(
    'throws the JSON of an error of MCP with the content %j',
    (content) => {
      const value = { content, isError: true }
      expect(() => hostResult(value)).toThrow(JSON.stringify(value))
    },
  )

  it.each([
    ['no media type', { mimeType: '' }, /type ""; expected one such as image\/png/],
    ['a media type of no image', { mimeType: 'audio/wav' }, /type "audio\/wav"/],
    ['data that is no base64', { data: 'aGk%' }, /not base64/],
    ['the URL of its data', { data: 'data:image/png;base64,aGk=' }, /not base64/],
    ['no data', { data: '' }, /not base64/],
  ])('throws for an image with %s', (_what, more, message) => {
    expect(() => hostResult({ content: [{ ...image, ...more }] })).toThrow(message)
  })

  it('throws for a value that has no JSON', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => hostResult(circle)).toThrow(/circular/)
    expect(() => hostResult(() => 1)).toThrow('A function has no JSON')
    expect(() => hostResult(1n)).toThrow(/BigInt/)
  })

  it.each([
    ['Response', new Response('hi')],
    ['ReadableStream', new ReadableStream()],
    ['Map', new Map([['a', 1]])],
    ['TypeError', new TypeError('returned, not thrown')],
  ])('throws for a %s, whose JSON would be empty', (name, value) => {
    expect(() => hostResult(value)).toThrow(`A ${name} has no JSON; return its content`)
  })

  it('takes objects without fields, and instances with fields, as JSON', () => {
    const url = new URL('http://localhost/')
    expect(hostResult({})).toEqual(text('{}'))
    expect(hostResult(Object.create(null))).toEqual(text('{}'))
    expect(hostResult(runInNewContext('({})'))).toEqual(text('{}'))
    expect(hostResult(url)).toEqual(text('"http://localhost/"'))
    expect(hostResult(Object.assign(new Map(), { size_: 1 }))).toEqual(text('{"size_":1}'))
  })

  it('throws for a result of more than 10 MiB, images included', () => {
    expect(hostResult('x'.repeat(10 * 1024 * 1024)).output).toHaveLength(10 * 1024 * 1024)
    expect(() => hostResult('x'.repeat(10 * 1024 * 1024 + 1))).toThrow(/10485761 bytes; at most 10485760/)
    const data = 'A'.repeat(10 * 1024 * 1024)
    expect(() => hostResult({ content: [{ ...image, data }] })).toThrow(/at most 10485760/)
  })
})
