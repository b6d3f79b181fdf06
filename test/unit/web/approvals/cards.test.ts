import { describe, expect, it } from 'vitest'
import { cardsOf, isOver } from '../../../../web/src/pages/approvals/cards.ts'
import type { SentAnswer } from '../../../../web/src/pages/approvals/outcome.ts'
import { pendingAt } from './pending.ts'

const [first, second, third] = [pendingAt('r1', 10), pendingAt('r2', 20), pendingAt('r3', 30)]
const none = { closed: new Map(), sent: new Map(), left: new Set<string>() }
const ids = (cards: readonly { pending: { request: { id: string } } }[]) =>
  cards.map(({ pending }) => pending.request.id)

describe('cardsOf', () => {
  it('lists the oldest request first', () => {
    expect(ids(cardsOf({ ...none, open: [second, third, first] }))).toEqual(['r1', 'r2', 'r3'])
  })

  it('keeps a closed request in its place until it leaves', () => {
    const closed = new Map([['r2', { by: 'answer' as const, at: 50, pending: second }]])
    const facts = { ...none, open: [first, third], closed }
    expect(ids(cardsOf(facts))).toEqual(['r1', 'r2', 'r3'])
    expect(cardsOf(facts)[1]?.closed).toEqual({ by: 'answer', at: 50 })
    expect(ids(cardsOf({ ...facts, left: new Set(['r2']) }))).toEqual(['r1', 'r3'])
  })

  it('lists a request once that is open again', () => {
    const closed = new Map([['r1', { by: 'unknown' as const, at: 50, pending: first }]])
    expect(cardsOf({ ...none, open: [first], closed })).toEqual([{ pending: first }])
  })
})

describe('isOver', () => {
  it.each<[SentAnswer['state'], boolean]>([
    ['sending', false],
    ['taken', true],
    ['late', true],
    ['failed', false],
    ['lost', false],
  ])('of an open request with an answer that is %s is %s', (state, expected) => {
    expect(isOver({ pending: first, sent: { kind: 'once', state } })).toBe(expected)
  })

  it('is true for a closed request only, if no answer was sent', () => {
    expect(isOver({ pending: first })).toBe(false)
    expect(isOver({ pending: first, closed: { by: 'timeout', at: 1 } })).toBe(true)
  })
})
