import { describe, expect, it } from 'vitest'
import { askedOf, titleOf } from '../../../../web/src/pages/approvals/asked.ts'
import type { PermissionRequest } from '../../../../web/src/pages/approvals/request-types.ts'

const request = (more: Partial<PermissionRequest>): PermissionRequest => ({
  type: 'permission',
  id: 'per_1',
  session_id: 'ses_1',
  child: false,
  permission: 'bash',
  patterns: [],
  metadata: {},
  ...more,
})

/** Returns the parts as labels with their texts. */
const shown = (...of: Parameters<typeof askedOf>) =>
  askedOf(...of).parts.map(({ kind, label, text }) => `${kind} ${label}: ${text}`)

describe('askedOf', () => {
  it('shows the whole command first, and the commands in it', () => {
    const asked = request({
      patterns: ['cd build', 'rm -rf x'],
      metadata: { command: 'cd build && rm -rf x > /etc/y' },
    })
    expect(shown(asked, undefined)).toEqual([
      'command Command: cd build && rm -rf x > /etc/y',
      'text Commands in it: cd build\nrm -rf x',
    ])
  })

  it('shows a detail once that the input of the call repeats, and never hides a field of another name', () => {
    const asked = request({ patterns: ['git status'], metadata: { command: 'git status' } })
    const call = {
      tool: 'bash',
      args: { command: 'git status', description: 'git status', again: 'git status' },
    }
    expect(shown(asked, call)).toEqual([
      'command Command: git status',
      'text bash: description: git status',
      'text bash: again: git status',
    ])
  })

  it('shows the diff of an edit, and not the same change as input of the call', () => {
    const asked = request({
      permission: 'edit',
      patterns: ['a.ts'],
      metadata: { filepath: '/srv/a.ts', diff: '@@ -1 +1 @@\n-a\n+b\n' },
    })
    const args = { filePath: '/srv/a.ts', oldString: 'a', newString: 'b', replaceAll: true }
    expect(shown(asked, { tool: 'edit', args })).toEqual([
      'diff Change: @@ -1 +1 @@\n-a\n+b\n',
      'text File: /srv/a.ts',
      'text edit: replaceAll: true',
    ])
  })

  it('shows the change of each file with what happens to the file', () => {
    const files = [
      { filePath: '/srv/a', type: 'delete', patch: '-a' },
      { filePath: '/srv/b', type: 'move', movePath: '/srv/c', patch: '+b' },
    ]
    const asked = request({ permission: 'edit', metadata: { diff: 'whole', files } })
    expect(shown(asked, undefined)).toEqual(['diff Delete /srv/a: -a', 'diff Move /srv/b to /srv/c: +b'])
  })

  it.each([
    { files: [{ filePath: '/srv/a', type: 'delete', patch: '' }] },
    { files: [{ filePath: '/srv/a' }] },
    { files: 'none' },
  ])('shows the whole diff, and the files as they are, if a file is not understood: %j', (unknown) => {
    const asked = request({ permission: 'edit', metadata: { diff: 'whole', ...unknown } })
    expect(shown(asked, undefined)[0]).toBe('diff Change: whole')
    expect(shown(asked, undefined).join()).toContain('files:')
  })

  it('shows the folders of a command that leaves its directory, and the patterns once', () => {
    const metadata = { command: 'cat /etc/x', directories: ['/etc'], patterns: ['/etc/*'] }
    const asked = request({ permission: 'external_directory', patterns: ['/etc/*'], metadata })
    expect(shown(asked, undefined)).toEqual([
      'command Command: cat /etc/x',
      'text directories: [\n  "/etc"\n]',
      'text Folders: /etc/*',
    ])
  })

  it('shows details that it does not know', () => {
    const asked = request({ permission: 'crm', metadata: { limit: 3, filter: { a: [1] } }, patterns: ['*'] })
    expect(shown(asked, undefined)).toEqual([
      'text limit: 3',
      'text filter: {\n  "a": [\n    1\n  ]\n}',
      'text Asked for: *',
    ])
  })

  it('shows the input of the call if the request tells nothing', () => {
    const asked = request({ permission: 'crm_delete', patterns: ['*'] })
    expect(shown(asked, { tool: 'crm_delete', args: { id: 7 } })).toEqual([
      'text Asked for: *',
      'text crm_delete: id: 7',
    ])
  })

  it('knows whether the request tells what the call does', () => {
    const untold = request({ permission: 'crm_delete', patterns: ['*'] })
    expect(askedOf(untold, undefined).isTold).toBe(false)
    expect(askedOf(untold, { tool: 'crm_delete', args: {} }).isTold).toBe(true)
    expect(askedOf({ ...untold, patterns: ['/etc/*'] }, undefined).isTold).toBe(true)
    expect(askedOf({ ...untold, metadata: { id: 7 } }, undefined).isTold).toBe(true)
  })
})

describe('titleOf', () => {
  it('names the kind of permission, and the number of questions', () => {
    const question = { question: 'Q', header: '', options: [] }
    const asking = (questions: (typeof question)[]) =>
      titleOf({ type: 'question', id: 'q', session_id: 's', child: false, questions })
    expect(titleOf(request({}))).toBe('Run a command')
    expect(titleOf(request({ permission: 'mcp_x' }))).toBe('Use a tool')
    expect(asking([question])).toBe('Answer a question')
    expect(asking([question, question])).toBe('Answer 2 questions')
  })
})
