import { describe, expect, it } from 'vitest'
import { heightOf, linesOf, widthOf } from '../../../../../web/src/parts/statechart/label-lines.ts'

const texts = (labels: Parameters<typeof linesOf>[0]): string[] =>
  linesOf(labels).map(({ pieces }) => pieces.map(({ text }) => text).join(' '))

describe('linesOf', () => {
  it('keeps a short label in one line', () => {
    expect(texts([{ text: 'server.stop', guard: 'canDrain' }])).toEqual(['server.stop [canDrain]'])
  })

  it('breaks a long label between words, and before a condition that would not fit', () => {
    expect(texts([{ text: 'probe failed', guard: 'a defect of this package' }])).toEqual([
      'probe failed',
      '[a defect of this',
      'package]',
    ])
  })

  it('joins the words of a kind to one piece', () => {
    const [line] = linesOf([{ source: 'opening', text: 'after 30 s' }])
    expect(line?.pieces).toEqual([
      { kind: 'source', text: 'opening:' },
      { kind: 'cause', text: 'after 30 s' },
    ])
  })

  it('leaves a gap between two labels', () => {
    const lines = linesOf([{ text: 'a' }, { text: 'b' }])
    expect(lines.map(({ top }) => top)).toEqual([0, 19])
    expect(heightOf(lines)).toBe(33)
    expect(lines.map(widthOf)).toEqual([7, 7])
  })
})
