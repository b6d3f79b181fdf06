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

  it('throws for a value that has no JSON', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => hostResult(circle)).toThrow(/circular/)
    expect(() => hostResult(() => 1)).toThrow('A function has no JSON')
    expect(() => hostResult(1n)).toThrow(/BigInt/)
  })

  it('throws for a result of more than 10 MiB, images included', () => {
    expect(hostResult('x'.repeat(10 * 1024 * 1024)).output).toHaveLength(10 * 1024 * 1024)
    expect(() => hostResult('x'.repeat(10 * 1024 * 1024 + 1))).toThrow(/10485761 bytes; at most 10485760/)
    const data = 'A'.repeat(10 * 1024 * 1024)
    expect(() => hostResult({ content: [{ ...image, data }] })).toThrow(/at most 10485760/)
  })
})
