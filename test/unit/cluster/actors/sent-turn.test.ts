import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sentTurnOf } from '../../../../src/cluster/actors/mailbox/sent-turn.ts'
import { sentTurn } from '../../../support/cluster-facts.ts'

const mailOf = (turn: unknown) => ({ seq: 1, at: 0, turnId: 't1', message: { type: 'turn' as const, turn } })

describe('The turn of a message', () => {
  it('is as its caller has sent it', () => {
    const sent = { ...sentTurn('t1'), context: 'sealed', parcel: { bytes: 1, sha256: 'ab' }, deadlineMs: 5 }
    expect(sentTurnOf(mailOf(JSON.parse(JSON.stringify(sent))))).toEqual(sent)
  })

  it('has the id of the message', () => {
    expect(sentTurnOf(mailOf({ turnId: 'other' })).turnId).toBe('t1')
  })

  it('has fields of their types, whatever was sent', () => {
    const names = [
      'conversation',
      'traceId',
      'priority',
      'deadlineMs',
      'answers',
      'input',
      'context',
      'parcel',
    ]
    const any = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...names), fc.jsonValue()))
    fc.assert(
      fc.property(any, (turn) => {
        const sent = sentTurnOf(mailOf(turn))
        expect(typeof sent.conversation).toBe('string')
        expect(Number.isInteger(sent.priority)).toBe(true)
        expect(sent.deadlineMs === null || sent.deadlineMs > 0).toBe(true)
        expect(sent.traceId === null || typeof sent.traceId === 'string').toBe(true)
        for (const record of [sent.input, sent.parcel ?? {}])
          expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
      }),
    )
  })
})
