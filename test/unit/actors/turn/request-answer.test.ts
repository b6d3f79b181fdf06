import { describe, expect, it } from 'vitest'
import { checkedAnswer } from '../../../../src/actors/turn/request-answer.ts'
import type { PermissionRequest, QuestionRequest } from '../../../../src/replies.ts'

const permission: PermissionRequest = {
  ...{ type: 'permission', id: 'per_1', sessionId: 'ses_1', child: false },
  ...{ permission: 'bash', patterns: ['rm *'], metadata: {} },
}
const options = ['A', 'B'].map((label) => ({ label, description: label }))
const one = { question: 'Which?', header: 'q', options }
const asking = (...questions: QuestionRequest['questions']): QuestionRequest => ({
  ...{ type: 'question', id: 'que_1', sessionId: 'ses_1', child: false },
  questions,
})

describe('checkedAnswer, for a permission', () => {
  it.each([
    ['once', { reply: 'once' }],
    ['always', { reply: 'always' }],
    ['reject', { reply: 'reject', message: expect.stringMatching(/\S/) as string }],
    [{ reject: 'Use ls' }, { reply: 'reject', message: 'Use ls' }],
    [{ reject: ' ' }, { reply: 'reject', message: expect.stringMatching(/\S/) as string }],
  ])('takes %j; a rejection always has a message', (answer, sent) => {
    expect(checkedAnswer(permission, answer)).toEqual(sent)
  })

  it.each([
    [[['A']], 'a list of 1'],
    ['yes', "'yes'"],
    [{ reject: 7 }, 'a value of type object'],
    [{ reply: 'once' }, 'a value of type object'],
    [true, 'a value of type boolean'],
    [null, 'null'],
    [undefined, 'a value of type undefined'],
  ])('refuses %j, and names the request and the expected answers', (answer, given) => {
    expect(() => checkedAnswer(permission, answer)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPENCODE_INVALID_OPTIONS',
        message: `Invalid answer to the permission per_1: expected 'once', 'always', 'reject' or { reject: message }, got ${given}`,
      }),
    )
  })
})

describe('checkedAnswer, for a question', () => {
  it.each([
    ['labels', asking(one), [['A']], { answers: [['A']] }],
    ['an own text', asking(one), [['C']], { answers: [['C']] }],
    ['no label', asking(one), [[]], { answers: [[]] }],
    ['several labels', asking({ ...one, multiple: true }), [['A', 'B']], { answers: [['A', 'B']] }],
    ['a list per question', asking(one, one), [['A'], ['B']], { answers: [['A'], ['B']] }],
    ['reject', asking(one), 'reject', { reply: 'dismiss' }],
  ])('takes %s', (_what, request, answer, sent) => {
    expect(checkedAnswer(request, answer)).toEqual(sent)
  })

  it.each([
    [
      'an answer for permissions',
      asking(one),
      'once',
      /a list of labels per question, or 'reject', got 'once'/,
    ],
    ['a message, which no question takes', asking(one), { reject: 'no' }, /got a value of type object/],
    ['one list', asking(one), ['A'], /a list of labels per question/],
    ['too few lists', asking(one, one), [['A']], /2 lists of labels, one per question, got a list of 1/],
    ['too many lists', asking(one), [['A'], ['B']], /one list of labels, for 1 question, got a list of 2/],
    ['a label that is no text', asking(one), [[7]], /a list of labels per question/],
    ['a blank label', asking(one), [[' ']], /texts that are not blank for question 1, got ' '/],
    [
      'an unknown label without own texts',
      asking(one, { ...one, custom: false }),
      [['A'], ['C']],
      /labels of 'A', 'B' for question 2, got 'C'/,
    ],
    ['two labels for one', asking({ ...one, multiple: false }), [['A', 'B']], /one label for question 1/],
  ])('refuses %s', (_what, request, answer, message) => {
    expect(() => checkedAnswer(request, answer)).toThrow(message)
  })

  it('sends a copy, so that a later change of the answer has no effect', () => {
    const given = [['A']]
    const sent = checkedAnswer(asking(one), given)
    given[0]?.push('B')
    expect(sent).toEqual({ answers: [['A']] })
  })
})
