import { describe, expect, it } from 'vitest'
import {
  inertReason,
  inertWords,
  settleMs,
  type AnswerFacts,
} from '../../../../web/src/pages/approvals/inert.ts'

const ready: AnswerFacts = {
  isSending: false,
  isOver: false,
  isLoading: false,
  isRead: true,
  isUntold: false,
  restedMs: settleMs,
}

describe('inertReason', () => {
  it('is absent when all is read and the card rests', () => {
    expect(inertReason(ready)).toBeUndefined()
  })

  it.each<[Partial<AnswerFacts>, string]>([
    [{ isSending: true }, 'sending'],
    [{ isOver: true }, 'over'],
    [{ isLoading: true }, 'loading'],
    [{ isRead: false }, 'unread'],
    [{ isUntold: true }, 'untold'],
    [{ restedMs: settleMs - 1 }, 'moved'],
  ])('of %j is %s', (facts, expected) => {
    expect(inertReason({ ...ready, ...facts })).toBe(expected)
  })

  it('names what a person can do before what passes by itself', () => {
    expect(inertReason({ ...ready, isRead: false, restedMs: 0 })).toBe('unread')
    expect(inertWords.unread).toContain('Scroll')
  })
})
