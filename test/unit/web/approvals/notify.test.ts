import { describe, expect, it } from 'vitest'
import { notificationOf, notifyStateOf, notifyWords } from '../../../../web/src/pages/approvals/notify.ts'
import { pendingAt } from './pending.ts'

describe('notifyStateOf', () => {
  const facts = { isSecure: true, permission: 'granted', isWished: true } as const

  it.each([
    [facts, 'on'],
    [{ ...facts, isWished: false }, 'off'],
    [{ ...facts, permission: 'default' as const }, 'off'],
    [{ ...facts, permission: 'denied' as const }, 'denied'],
    [{ ...facts, permission: undefined }, 'missing'],
    [{ ...facts, isSecure: false }, 'insecure'],
    [{ ...facts, isSecure: false, permission: undefined }, 'insecure'],
  ] as const)('of %j is %s', (given, expected) => {
    expect(notifyStateOf(given)).toBe(expected)
  })

  it('has words for the states that a click does not change', () => {
    expect(Object.keys(notifyWords)).toEqual(['insecure', 'missing', 'denied'])
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
