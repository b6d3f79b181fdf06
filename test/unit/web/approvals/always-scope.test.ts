import { describe, expect, it } from 'vitest'
import { alwaysScope } from '../../../../web/src/pages/approvals/always-scope.ts'

describe('alwaysScope', () => {
  it.each([
    ['edit', ['a.ts'], 'every request for edit'],
    ['bash', ['rm x'], 'every command that begins like these'],
    ['external_directory', ['/etc/*', '/var/*'], 'exactly /etc/*, /var/*'],
    ['host_refund', ['*'], 'every request for host_refund'],
    ['constructor', ['*'], 'every request for constructor'],
  ])('of %s for %j names %s', (permission, patterns, expected) => {
    expect(alwaysScope(permission, patterns)).toContain(`covers ${expected}, in every session`)
  })
})
