import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { findProjectCode, refuseProjectCode } from '../../../../src/io/opencode/project-code.ts'
import { tempHome } from '../../../support/home.ts'

/** Creates a folder with files and links (`-> target`); results are relative to that folder. */
function project(files: Record<string, string> = {}) {
  const place = tempHome()
  const home = join(place, 'home')
  const write = (name: string, text = ''): void => {
    const file = join(place, name)
    mkdirSync(dirname(file), { recursive: true })
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), file)
    else writeFileSync(file, text)
  }
  for (const [name, text] of Object.entries({ 'home/workspace/.keep': '', 'p/.keep': '', ...files }))
    write(name, text)
  const find = async (directory = 'p', env: Record<string, string> = {}) => {
    const found = await findProjectCode(join(place, directory), { home, env })
    return found?.slice(place.length + 1)
  }
  return { place, home, find }
}

/** Creates a git worktree with `git init`. */
const gitInit = (folder: string): void => {
  mkdirSync(folder, { recursive: true })
  execFileSync('git', ['init', '-q', '.'], { cwd: folder })
}

const code = 'export default {}'

describe('findProjectCode', () => {
  it.each([
    '.opencode/plugin/a.js',
    '.opencode/plugin/a.ts',
    '.opencode/plugins/a.js',
    '.opencode/plugins/a.ts',
    '.opencode/plugins/.hidden.js',
    '.opencode/plugins/[odd] {name}.js',
    '.opencode/plugins/A.JS',
  ])('finds %s', async (name) => {
    const { find } = project({ [`p/${name}`]: code })
    expect(await find()).toBe(`p/${name}`)
  })

  it.each([
    'opencode.json',
    '.opencode/opencode.json',
    'opencode.jsonc',
    'AGENTS.md',
    '.opencode/agent/a.md',
    '.opencode/command/c.md',
    '.opencode/tool/t.ts',
    '.opencode/tools/t.ts',
    '.opencode/package.json',
    '.opencode/plugins/a.mjs',
    '.opencode/plugins/a.cjs',
    '.opencode/plugins/a.mts',
    '.opencode/plugins/a.tsx',
    '.opencode/plugins/a.js.txt',
    '.opencode/plugins/nested/a.js',
    '.opencode/plugins/folder.js/index.js',
    '.opencode/a.js',
    'plugins/a.js',
    '.config/opencode/plugins/a.js',
  ])('ignores %s, which opencode does not run', async (name) => {
    const { find } = project({ [`p/${name}`]: '{"provider":{"litellm":{"options":{"baseURL":"http://x"}}}}' })
    expect(await find()).toBeUndefined()
  })

  it.each([
    ['a file', { 'p/.opencode/plugins/l.js': '-> ../../x.mjs', 'p/x.mjs': code }, 'p/.opencode/plugins/l.js'],
    ['a missing file', { 'p/.opencode/plugins/l.js': '-> gone' }, 'p/.opencode/plugins/l.js'],
    ['the plugins', { 'p/.opencode/plugins': '-> ../../q', 'q/a.js': code }, 'p/.opencode/plugins/a.js'],
    ['.opencode', { 'p/.opencode': '-> ../q', 'q/plugin/a.ts': code }, 'p/.opencode/plugin/a.ts'],
    ['a config', { 'p/opencode.json': '-> c', 'p/c': '{"plugin":["./x.js"]}' }, 'p/opencode.json'],
  ])('follows links: %s', async (_, files, found) => {
    expect(await project(files as unknown as Record<string, string>).find()).toBe(found)
  })

  it.each([
    ['plugin', '{"plugin":["./x.js"]}'],
    ['plugins, by a package', '{"plugins":[{"package":"some-package"}]}'],
    ['a plugin, in JSON with comments', '// mine\n{ "plugin": ["./x.js"], }'],
    ['a plugin, escaped', '{ "plu\\u0067in": ["./x.js"] }'],
    ['a plugin, escaped in JSON with comments', '{ /**/ "plu\\u0067in": ["./x.js"], }'],
    ['a plugin, through the prototype', '{ "__proto__": { "plugin": ["./x.js"] } }'],
    ['a plugin, after a byte order mark', '\uFEFF{ "plugin": ["./x.js"] }'],
    ['a plugin, in text that is not JSON', '{ "plugin": ["./x.js"'],
  ])('finds a config that names %s', async (_, text) => {
    for (const name of ['opencode.json', 'opencode.jsonc', '.opencode/opencode.json'])
      expect(await project({ [`p/${name}`]: text }).find()).toBe(`p/${name}`)
  })

  it.each([
    ['names no plugin', '{"plugin":[],"plugins":[]}'],
    ['mentions plugins', '{"username":"plugin","instructions":["plugins.md"]}'],
    ['escapes something else', '{"username":"\\u017c"}'],
    ['has comments', '// nothing\n{ "username": "x", }'],
  ])('ignores a config that %s', async (_, text) => {
    expect(await project({ 'p/opencode.json': text }).find()).toBeUndefined()
  })

  it('searches all folders above, nearest first, outside of git', async () => {
    const files = {
      '.opencode/plugins/top.js': code,
      'p/a/opencode.json': '{"plugin":["x"]}',
      'p/a/b/c/.k': '',
    }
    const { find } = project(files)
    expect(await find('p/a/b/c')).toBe('p/a/opencode.json')
    expect(await find('p')).toBe('.opencode/plugins/top.js')
  })

  it('searches up to the root of the git worktree, and not above', async () => {
    const { find, place } = project({ '.opencode/plugins/top.js': code, 'p/repo/sub/.k': '' })
    gitInit(join(place, 'p/repo'))
    expect(await find('p/repo/sub')).toBeUndefined()
    writeFileSync(join(place, 'p/repo/opencode.json'), '{"plugin":["x"]}')
    expect(await find('p/repo/sub')).toBe('p/repo/opencode.json')
  })

  it.each([
    ['is empty', { 'p/repo/.git/.k': '' }],
    ['points nowhere', { 'p/repo/.git': 'gitdir: /nowhere' }],
  ])('searches above a .git that git rejects, because it %s', async (_, files) => {
    const { find } = project({ ...files, 'p/repo/sub/.k': '', '.opencode/plugins/top.js': code })
    expect(await find('p/repo/sub')).toBe('.opencode/plugins/top.js')
  })

  it('searches above if core.worktree names another folder', async () => {
    const { find, place } = project({ 'p/.opencode/plugins/a.js': code, 'p/repo/sub/.k': '' })
    gitInit(join(place, 'p/repo'))
    execFileSync('git', ['config', 'core.worktree', join(place, 'p')], { cwd: join(place, 'p/repo') })
    expect(await find('p/repo/sub')).toBe('p/.opencode/plugins/a.js')
  })

  it('finds the code of a directory whose core.worktree is outside of its parents', async () => {
    const { find, place } = project({ 'p/repo/.opencode/plugins/a.js': code, 'other/.k': '' })
    gitInit(join(place, 'p/repo'))
    execFileSync('git', ['config', 'core.worktree', join(place, 'other')], { cwd: join(place, 'p/repo') })
    expect(await find('p/repo')).toBe('p/repo/.opencode/plugins/a.js')
  })

  it.each([
    'ends in spaces  ',
    'ends in a line\n',
    ' begins with one',
    'has %2F',
    'has "quotes"',
    'é',
    'e\u0301',
  ])('finds the code of a worktree whose name %j', async (name) => {
    const { find, place } = project({ [`p/${name}/.opencode/plugin/a.js`]: code })
    gitInit(join(place, 'p', name))
    expect(await find(`p/${name}`)).toBe(`p/${name}/.opencode/plugin/a.js`)
  })

  it('searches if git is not installed', async () => {
    const { find, place } = project({ '.opencode/plugins/top.js': code, 'p/repo/.k': '' })
    gitInit(join(place, 'p/repo'))
    expect(await find('p/repo', { PATH: '/nowhere' })).toBe('.opencode/plugins/top.js')
  })

  it('searches above the real directory, not above the link', async () => {
    const files = { 'real/.opencode/plugins/a.js': code, 'real/d/.k': '', 'p/.opencode/plugins/no.js': code }
    const { find } = project({ ...files, 'p/link': '-> ../real/d' })
    expect(await find('p/link')).toBe('real/.opencode/plugins/a.js')
  })

  it.each(['.opencode', '.opencode/plugins'])('finds the code beside a directory in %s', async (below) => {
    const { find } = project({ 'p/.opencode/plugins/a.js': code })
    expect(await find(`p/${below}`)).toBe('p/.opencode/plugins/a.js')
  })

  it("ignores the home's own config, also above the workspace, but no folder above or below the home", async () => {
    const own = { 'home/.opencode/plugins/a.js': code, 'home/opencode.json': '{"plugin":["x"]}' }
    expect(await project(own).find('home/workspace')).toBeUndefined()
    expect(await project(own).find('home')).toBeUndefined()
    expect(await project({ ...own, 'opencode.json': '{"plugin":["x"]}' }).find('home/workspace')).toBe(
      'opencode.json',
    )
    const below = 'home/workspace/.opencode/plugins/a.js'
    expect(await project({ ...own, [below]: code }).find('home/workspace')).toBe(below)
  })

  it('finds nothing in an empty directory', async () => {
    const { find } = project({ 'p/.opencode': 'a file', 'p/opencode.json/.k': 'a folder' })
    expect(await find()).toBeUndefined()
    expect(await find('gone')).toBeUndefined()
  })

  // Root can read every file.
  it.skipIf(process.getuid?.() === 0)(
    'ignores unreadable files, which the server cannot read either',
    async () => {
      const { find, place } = project({ 'p/.opencode/plugins/a.js': code })
      chmodSync(join(place, 'p/.opencode'), 0)
      expect(await find()).toBeUndefined()
      chmodSync(join(place, 'p/.opencode'), 0o700)
    },
  )
})

describe('refuseProjectCode', () => {
  it('names the input, the file relative to the directory, and what to do', async () => {
    const { place, home } = project({ 'p/.opencode/plugins/a.js': code, 'p/d/.k': '' })
    const refused = refuseProjectCode('option directory', join(place, 'p/d'), { home, env: {} })
    await expect(refused).rejects.toBeInstanceOf(InvalidOptionsError)
    await expect(refused).rejects.toThrow(
      /^Invalid option directory: .*: \.\.\/\.opencode\/plugins\/a\.js\. Remove that file, or .*trustProjectConfig: true/,
    )
    await expect(refused).rejects.not.toThrow(place)
  })

  it('accepts a directory without code', async () => {
    const { place, home } = project()
    await expect(refuseProjectCode('directory', join(place, 'p'), { home, env: {} })).resolves.toBeUndefined()
  })
})
