import { describe, expect, it } from 'vitest'
import {
  changedIn,
  createdAt,
  isAborted,
  isAbortedCall,
  parseChanges,
  parsePrompt,
  parseSession,
} from '../../../../src/io/opencode/session-wire.ts'

const garbage = [undefined, null, 1, 'x', [], {}, { info: null }, { info: { id: 1 }, parts: 'x' }]

describe('parseSession', () => {
  it('returns the fields of a session', () => {
    const session = {
      id: 'ses_1',
      title: 'A',
      directory: '/work',
      time: { created: 1, updated: 2 },
      cost: 0.5,
    }
    const expected = { id: 'ses_1', title: 'A', directory: '/work', createdAt: 1, updatedAt: 2, costUsd: 0.5 }
    expect(parseSession(session)).toEqual({ ...expected, revert: undefined })
  })

  it('tells whether a revert has put the files back', () => {
    const reverted = (revert: object) => parseSession({ id: 'ses_1', revert })?.revert
    expect(reverted({ messageID: 'msg_1' })).toEqual({ messageId: 'msg_1', hasFiles: false })
    expect(reverted({ messageID: 'msg_1', snapshot: 'abc' })).toEqual({ messageId: 'msg_1', hasFiles: true })
    expect(reverted({})).toBeUndefined()
  })
})

describe('parseChanges', () => {
  it('returns one change per file, and leaves out what is no change', () => {
    const change = { file: 'a.txt', additions: 2, deletions: 1, patch: 'diff', status: 'modified' }
    expect(parseChanges([change, { additions: 1 }, null])).toEqual([
      { path: 'a.txt', additions: 2, deletions: 1, patch: 'diff' },
    ])
  })
})

it('no parser throws for an unknown value', () => {
  for (const value of garbage) {
    expect(parseSession(value)).toBeUndefined()
    expect(parsePrompt(value)).toBeUndefined()
    expect(parseChanges(value)).toEqual([])
    expect(changedIn(value)).toBeUndefined()
    expect(createdAt(value)).toBe(0)
    expect(isAborted(value)).toBe(false)
    expect(isAbortedCall({ state: value })).toBe(false)
  }
})
