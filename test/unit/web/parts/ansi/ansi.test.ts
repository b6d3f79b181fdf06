import { describe, expect, test } from 'vitest'
import { runsOf } from '../../../../../web/src/parts/ansi/ansi.ts'

const textOf = (output: string): string =>
  runsOf(output)
    .runs.map(({ text }) => text)
    .join('')

describe('runsOf', () => {
  test('returns colours and weight as classes', () => {
    expect(runsOf('a\u001b[1;31mb\u001b[0mc').runs).toEqual([
      { text: 'a', style: '' },
      { text: 'b', style: 'ansi-bold ansi-fg-1' },
      { text: 'c', style: '' },
    ])
  })

  test('goes on with the style at the end of the piece before', () => {
    const first = runsOf('\u001b[32mgreen')
    expect(runsOf(' on\u001b[39m off', first.style).runs).toEqual([
      { text: ' on', style: 'ansi-fg-2' },
      { text: ' off', style: '' },
    ])
  })

  test.each([
    ['a bright colour', '91', 'ansi-fg-1'],
    ['the end of an effect', '1;3;31;22', 'ansi-italic ansi-fg-1'],
    ['another colour', '31;32', 'ansi-fg-2'],
    ['the end of a colour by one of the palette', '31;38;5;4;1', 'ansi-bold'],
    ['the end of a colour by a true colour', '31;38;2;9;4;1;3', 'ansi-italic'],
    ['a true colour with colons', '38:2:30:1:4', ''],
    ['underline and strike', '4;9', 'ansi-underline ansi-strike'],
  ])('knows %s', (_name, parameters, style) => {
    expect(runsOf(`\u001b[${parameters}mx`).style).toBe(style)
  })

  test('shows no background, and text that is set to be hidden', () => {
    expect(runsOf('\u001b[37;47mx').style).toBe('ansi-fg-7')
    expect(runsOf('\u001b[8mx').style).toBe('')
  })

  test('shows a line that is written over in its last form', () => {
    expect(textOf('start\n10%\r50%\r100%\ndone')).toBe('start\n100%\ndone')
    expect(textOf('last\r')).toBe('last')
  })

  test('takes back what a backspace takes back, but not the line before', () => {
    expect(textOf('ab\bc')).toBe('ac')
    expect(textOf('a\n\b\bb')).toBe('a\nb')
  })

  test.each([
    ['moves of the cursor', 'a\u001b[2J\u001b[Hb'],
    ['a title', 'a\u001b]0;title\u0007b'],
    ['a link of the terminal', 'a\u001b]8;;https://evil.example\u001b\\b'],
    ['a choice of the character set', 'a\u001b(Bb'],
    ['a bell', 'a\u0007b'],
    ['a sequence of one byte', 'a\u009b31;1Hb'],
  ])('leaves out %s', (_name, output) => {
    expect(textOf(output)).toBe('ab')
  })

  test('does not let a sequence without an end hide the text after it', () => {
    expect(textOf('a\u001b]0;rm -rf /\nb')).toContain('rm -rf /\nb')
    expect(textOf(`a\u001bP${'x'.repeat(10_000)}`)).toContain('x'.repeat(10_000))
    expect(textOf('a\u001b[31')).toContain('[31')
  })

  test('reads a megabyte of sequences in a time that grows with its length', () => {
    const { runs } = runsOf('\u001b[31ma\u001b[32mb'.repeat(90_000))
    expect(runs).toHaveLength(180_000)
    expect(textOf('\u001b]'.repeat(500_000))).toHaveLength(1_000_000)
  })
})
