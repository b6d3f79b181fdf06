import { describe, expect, it } from 'vitest'
import { outcomeOf, type ClosedBy, type SentAnswer } from '../../../../web/src/pages/approvals/outcome.ts'

const title = (by: ClosedBy | undefined, sent?: SentAnswer) => outcomeOf(by, sent).title

describe('outcomeOf', () => {
  it.each([
    ['once', 'You allowed it once'],
    ['always', 'You allowed it for always'],
    ['reject', 'You rejected it'],
    ['answers', 'You answered it'],
  ] as const)('of an own answer %s that was taken is that answer', (kind, expected) => {
    expect(title(undefined, { kind, state: 'taken' })).toBe(expected)
    expect(title('answer', { kind, state: 'taken' })).toBe(expected)
  })

  it.each([
    ['answer', 'Another person answered first'],
    ['timeout', 'Expired'],
    ['turn', 'Its turn has ended'],
    ['unknown', 'Closed already'],
    [undefined, 'Closed already'],
  ] as const)('of an own answer that came after %s says what came before', (by, expected) => {
    const outcome = outcomeOf(by, { kind: 'once', state: 'late', detail: 'It was answered.' })
    expect(outcome.title).toBe(expected)
    expect(outcome.detail).toContain('did not count')
  })

  it.each([
    ['answer', 'Answered elsewhere'],
    ['timeout', 'Expired'],
    ['turn', 'Its turn has ended'],
    ['unknown', 'Closed'],
  ] as const)('without an own answer is what closed the request: %s', (by, expected) => {
    expect(title(by)).toBe(expected)
  })

  it('claims no own answer that may not have arrived', () => {
    const lost: SentAnswer = { kind: 'always', state: 'lost' }
    expect(outcomeOf('answer', lost)).toMatchObject({ title: 'Answered', tone: 'idle' })
    expect(outcomeOf('answer', lost).detail).toContain('may be the answer that counted')
    expect(title('timeout', lost)).toBe('Expired')
  })

  it('claims no own answer while it is on its way', () => {
    expect(title('answer', { kind: 'once', state: 'sending' })).toBe('Answered elsewhere')
  })
})
