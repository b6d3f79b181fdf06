import { describe, expect, it } from 'vitest'
import { notificationOf, notifyStateOf } from '../../../../web/src/pages/approvals/notify.ts'
import { pendingAt } from './pending.ts'

describe('notifyStateOf', () => {
  it.each([
    ['granted', true, 'on'],
    ['granted', false, 'off'],
    ['default', true, 'off'],
    ['denied', true, 'none'],
    [undefined, true, 'none'],
  ] as const)('of the permission %j and the wish %j is %s', (permission, isWished, expected) => {
    expect(notifyStateOf(permission, isWished)).toBe(expected)
  })
})

describe('notificationOf', () => {
  it('names the agent and the kind of request, and shows no hidden character', () => {
    expect(notificationOf(pendingAt('r1', 0, 'a\u202e1'))).toEqual({
      title: expect.stringMatching(/^a\[.*202E.*\]1 asks$/) as string,
      body: 'Run a command',
      tag: 'r1',
    })
  })

  it('cuts a long name', () => {
    expect(notificationOf(pendingAt('r1', 0, 'x'.repeat(500))).title.length).toBeLessThan(100)
  })
})
