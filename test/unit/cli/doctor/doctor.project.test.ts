import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkProject } from '../../../../src/cli/doctor/project.ts'
import type { DoctorFlags } from '../../../../src/cli/flags.ts'
import { doctorContext, findings, place } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

const check = async (flags: DoctorFlags) => (await findings(checkProject, doctorContext(flags)))[0]

/** Creates a git worktree with the given files and a folder `src`. */
function worktree(files: Record<string, string> = {}): string {
  const root = realpathSync(tempHome())
  mkdirSync(join(root, 'src'))
  execFileSync('git', ['init', '-q', '.'], { cwd: root })
  for (const [name, text] of Object.entries(files)) place(join(root, name), text, 0o644)
  return root
}

describe('checkProject', () => {
  it('is skipped with neither --directory nor --home', async () => {
    expect(await check({})).toMatchObject({ check: 'project', status: 'skipped' })
  })

  it('accepts a directory without a config, and a workspace that does not exist yet', async () => {
    expect(await check({ directory: worktree() })).toMatchObject({ status: 'ok' })
    const home = tempHome()
    expect((await check({ home }))?.finding).toBe(`${join(home, 'workspace')} has no config of its own`)
    expect(readdirSync(home)).toEqual([])
  })

  it.each<[string, Record<string, string>]>([
    ['.opencode/plugins/a.js', { '.opencode/plugins/a.js': '' }],
    ['opencode.json', { 'opencode.json': '{"plugin":["./a.js"]}' }],
  ])('rejects %s, also above the directory, and names both remedies', async (name, files) => {
    const root = worktree(files)
    for (const directory of [root, join(root, 'src')]) {
      const found = await check({ directory, home: tempHome() })
      expect(found).toMatchObject({ check: 'project', status: 'failure' })
      expect(found?.finding).toContain(`: ${join(root, name)}`)
      expect(found?.advice).toMatch(/Remove that file, or .* trustProjectConfig: true/)
      expect(await check({ directory })).toEqual(found)
    }
  })

  it('rejects code in the home’s workspace, but not in the home itself', async () => {
    const home = tempHome()
    place(join(home, 'opencode.json'), '{"plugin":["./a.js"]}', 0o644)
    expect(await check({ home })).toMatchObject({ status: 'ok' })
    place(join(home, 'workspace', '.opencode', 'plugin', 'a.ts'), '', 0o644)
    expect(await check({ home })).toMatchObject({ status: 'failure' })
  })

  it.each(['opencode.json', 'opencode.jsonc', '.opencode/opencode.json'])(
    'reports that %s without plugins is not loaded',
    async (name) => {
      const root = worktree({ [name]: '{"model":"x/y"}' })
      const found = await check({ directory: join(root, 'src') })
      expect(found).toEqual({
        check: 'project',
        status: 'ok',
        finding: `${join(root, name)} is not loaded unless the server option trustProjectConfig is true`,
      })
    },
  )

  it('does not search above the root of the worktree', async () => {
    const root = worktree({ 'opencode.json': '{}' })
    const inner = join(root, 'src')
    execFileSync('git', ['init', '-q', '.'], { cwd: inner })
    expect((await check({ directory: inner }))?.finding).toMatch(/has no config of its own$/)
  })
})
