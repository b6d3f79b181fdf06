import { describe, expect, it } from 'vitest'
import type { Form } from '../../../../src/cli/ask/form.ts'
import { askPermission } from '../../../../src/cli/ask/permission-form.ts'
import { askQuestions } from '../../../../src/cli/ask/question-form.ts'
import type { PermissionRequest, QuestionRequest } from '../../../../src/replies.ts'

/** Returns a form on which these lines are typed, and what it shows. */
function typing(...lines: string[]) {
  const shown: string[] = []
  const form: Form = {
    show: (line) => shown.push(line),
    ask: (prompt) => {
      shown.push(prompt)
      const line = lines.shift()
      return line === undefined ? Promise.reject(new Error('no line left')) : Promise.resolve(line)
    },
  }
  return { form, shown, left: lines }
}

const permission = (more: Partial<PermissionRequest> = {}): PermissionRequest => ({
  ...{ type: 'permission', id: 'per_1', sessionId: 'ses_1', child: false },
  ...{ permission: 'bash', patterns: ['rm *'], metadata: {} },
  ...more,
})
const options = ['red', 'green', 'blue'].map((label) => ({ label, description: `${label} it is` }))
const asking = (...more: Partial<QuestionRequest['questions'][number]>[]): QuestionRequest => ({
  ...{ type: 'question', id: 'que_1', sessionId: 'ses_1', child: false },
  questions: more.map((each) => ({ question: 'Which colour?', header: 'colour', options, ...each })),
})

describe('askPermission', () => {
  it.each([
    [['o'], 'once'],
    [['Yes'], 'once'],
    [['always'], 'always'],
    [['r', ''], 'reject'],
    [['no', ' Use ls. '], { reject: 'Use ls.' }],
    [['', 'maybe', 'constructor', 'once'], 'once'],
  ])('reads %j as %j', async (lines, answer) => {
    const { form, left } = typing(...lines)
    expect(await askPermission(permission(), form)).toEqual(answer)
    expect(left).toEqual([])
  })

  it('says what is valid after a line that is no answer', async () => {
    const { form, shown } = typing('x', 'o')
    await askPermission(permission(), form)
    expect(shown.slice(-3)).toEqual([
      'once, always or reject? [o/a/r] ',
      'Type once, always or reject.',
      'once, always or reject? [o/a/r] ',
    ])
  })

  it('shows who asks, the patterns and the details, a diff as lines', async () => {
    const { form, shown } = typing('o')
    const metadata = { filepath: '/a/b', diff: '--- a\n+++ b\n', size: 7 }
    await askPermission(permission({ child: true, patterns: ['/a/*', '/b/*'], metadata }), form)
    expect(shown.slice(0, -1)).toEqual([
      'A subagent asks for the permission bash',
      '  pattern: /a/*',
      '  pattern: /b/*',
      '  filepath: /a/b',
      '  diff:',
      '    --- a',
      '    +++ b',
      '  size: 7',
    ])
  })

  it('names control characters and what reorders or hides text, and shows no line of its own making', async () => {
    const { form, shown } = typing('o')
    const patterns = [
      'rm x\r\u001b[2K\u001b[1Als',
      'ls\n? once, always or reject?',
      'a\u202eb\u200bc\u00add\u{e0041}e\u3164',
      // Emoji and scripts that join letters.
      '⚠️ \u0646\u200c\u0647',
    ]
    await askPermission(permission({ patterns }), form)
    expect(shown.slice(1, 5)).toEqual([
      '  pattern: rm x<U+000D><U+001B>[2K<U+001B>[1Als',
      '  pattern: ls ⏎ ? once, always or reject?',
      '  pattern: a<U+202E>b<U+200B>c<U+00AD>d<U+E0041>e<U+3164>',
      '  pattern: ⚠️ \u0646\u200c\u0647',
    ])
  })

  it('shows a command that stands inside a sequence for the terminal', async () => {
    const { form, shown } = typing('o')
    // A shell runs all three: ls, reboot and a.
    await askPermission(permission({ metadata: { command: 'ls \u001b];reboot;a\u0007' } }), form)
    expect(shown).toContain('  command: ls <U+001B>];reboot;a<U+0007>')
  })

  it('shows the first lines of a long detail, and how many are left out', async () => {
    const { form, shown } = typing('o')
    const diff = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n')
    await askPermission(permission({ metadata: { diff } }), form)
    expect(shown).toContain('    line 59')
    expect(shown).not.toContain('    line 60')
    expect(shown).toContain('    … and 40 more lines')
  })
})

describe('askQuestions', () => {
  it.each([
    ['a number', {}, ['2'], [['green']]],
    ['a label', {}, ['blue'], [['blue']]],
    ['an own text', {}, ['pink'], [['pink']]],
    ['a number without option', {}, ['4'], [['4']]],
    ['commas, if one is to be chosen', {}, ['1, 2'], [['1, 2']]],
    ['several', { multiple: true }, ['1, blue,1'], [['red', 'blue']]],
    ['an own text with a comma', { multiple: true }, ['1, pink'], [['1, pink']]],
    ['nothing, then a number', {}, ['', '1'], [['red']]],
    ['an own text that is not allowed', { custom: false }, ['pink', '1'], [['red']]],
    ['a dismissal', {}, ['/reject'], 'reject'],
    ['a text without options', { options: [] }, ['anything'], [['anything']]],
  ])('reads %s', async (_what, question, lines, answer) => {
    const { form, left } = typing(...lines)
    expect(await askQuestions(asking(question), form)).toEqual(answer)
    expect(left).toEqual([])
  })

  it('reads a number as the number of an option, also if it is the label of another one', async () => {
    const numbers = ['4', '1', '8'].map((label) => ({ label, description: label }))
    for (const [line, label] of [
      ['1', '4'],
      ['2', '1'],
      ['8', '8'],
    ] as const)
      expect(await askQuestions(asking({ options: numbers }), typing(line).form)).toEqual([[label]])
    const { form } = typing('4, 2')
    expect(await askQuestions(asking({ options: numbers, multiple: true }), form)).toEqual([['4', '1']])
  })

  it('asks one question after another, with their options', async () => {
    const { form, shown } = typing('1', 'x')
    const request = asking({ custom: false }, { question: 'Why?\u001b[1A', options: [] })
    request.questions[0]?.options.splice(1)
    expect(await askQuestions(request, form)).toEqual([['red'], ['x']])
    expect(shown).toEqual([
      'The agent asks: Which colour?',
      '  1: red (red it is)',
      'a number, or /reject: ',
      'The agent asks: Why?<U+001B>[1A',
      'a text of your own, or /reject: ',
    ])
  })

  it('dismisses all questions of the request at once', async () => {
    const { form } = typing('1', '/reject')
    expect(await askQuestions(asking({}, {}), form)).toBe('reject')
  })
})
