import { describe, expect, it } from 'vitest'
import { messageOf } from '../../../src/util/messages.ts'

describe('messageOf', () => {
  const throwing = {
    toString: () => {
      throw new Error('no text')
    },
  }
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()

  it.each([
    ['an error', new TypeError('wrong'), 'wrong'],
    ['an error without a message', new Error(''), ''],
    ['an object with a message', { message: 'no such order' }, 'no such order'],
    ['an error whose message is no text', Object.assign(new Error('x'), { message: 7 }), 'Error: 7'],
    ['a text', 'so', 'so'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), 'unknown error'],
    ['an object that has no text', throwing, 'unknown error'],
    ['a revoked proxy', revoked, 'unknown error'],
  ])('returns a text for %s', (_what, thrown, message) => {
    expect(messageOf(thrown)).toBe(message)
  })
})
