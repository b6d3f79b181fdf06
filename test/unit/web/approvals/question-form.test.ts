import { describe, expect, it } from 'vitest'
import {
  answeredCount,
  answersOf,
  choose,
  emptyDrafts,
  write,
  type Question,
} from '../../../../web/src/pages/approvals/question-form.ts'

const options = ['A', 'B', 'C'].map((label) => ({ label, description: '' }))
const one: Question = { question: 'One?', header: '', options }
const several: Question = { question: 'Several?', header: '', options, multiple: true }

describe('choose', () => {
  it('replaces the choice and the own text of a question that takes one answer', () => {
    let drafts = write(emptyDrafts([one]), 0, 'mine', one)
    drafts = choose(choose(drafts, 0, 0, one), 0, 2, one)
    expect(answersOf(drafts, [one])).toEqual([['C']])
  })

  it('adds and takes back choices of a question that takes several, in the order of the options', () => {
    const chosen = [2, 0, 1, 1].reduce(
      (drafts, option) => choose(drafts, 0, option, several),
      emptyDrafts([several]),
    )
    expect(answersOf(chosen, [several])).toEqual([['A', 'C']])
  })

  it('changes no other question', () => {
    const questions = [one, several]
    const drafts = choose(emptyDrafts(questions), 1, 0, several)
    expect(answersOf(drafts, questions)).toEqual([[], ['A']])
    expect(answeredCount(drafts, questions)).toBe(1)
  })
})

describe('write', () => {
  it('replaces the choice of a question that takes one answer', () => {
    const drafts = write(choose(emptyDrafts([one]), 0, 0, one), 0, ' mine ', one)
    expect(answersOf(drafts, [one])).toEqual([['mine']])
  })

  it('is added to the choices of a question that takes several', () => {
    const drafts = write(choose(emptyDrafts([several]), 0, 0, several), 0, 'mine', several)
    expect(answersOf(drafts, [several])).toEqual([['A', 'mine']])
  })

  it('of blanks is no answer, and keeps the choice', () => {
    const drafts = write(choose(emptyDrafts([one]), 0, 0, one), 0, '  ', one)
    expect(answersOf(drafts, [one])).toEqual([['A']])
    expect(answeredCount(write(emptyDrafts([one]), 0, ' ', one), [one])).toBe(0)
  })
})
