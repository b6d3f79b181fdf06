import { describe, expect, it } from 'vitest'
import { alwaysScope } from '../../../../web/src/pages/approvals/always-scope.ts'

describe('alwaysScope', () => {
  it.each([
    ['edit', ['a.ts'], 'every change of every file'],
    ['bash', ['rm x'], 'every command that begins like these'],
    ['external_directory', ['/etc/*'], 'exactly this pattern'],
    ['external_directory', ['/etc/*', '/var/*'], 'exactly these patterns'],
    ['host_refund', ['*'], 'every request for host_refund'],
    ['constructor', ['*'], 'every request for constructor'],
  ])('of %s for %j names %s', (permission, patterns, expected) => {
    expect(alwaysScope(permission, patterns)).toContain(`covers ${expected}, in every session`)
  })
})
