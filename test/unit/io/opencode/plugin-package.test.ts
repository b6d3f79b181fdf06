import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configFolder } from '../../../../src/io/opencode/config-file.ts'
import { settlePluginPackage } from '../../../../src/io/opencode/plugin-package.ts'
import { tempHome } from '../../../support/home.ts'

/** Creates a home with the given files in its config folder, by relative path; a path that ends with `/` is an empty folder. */
function homeWith(files: Record<string, string> = {}, folder = configFolder) {
  const home = tempHome()
  const at = folder(home)
  mkdirSync(at, { recursive: true })
  const put = (more: Record<string, string>): void => {
    for (const [name, content] of Object.entries(more)) {
      const path = join(at, name)
      mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
      if (!name.endsWith('/')) writeFileSync(path, content)
    }
  }
  put(files)
  const settle = (env: Record<string, string> = {}) => settlePluginPackage(home, env)
  const names = () => readdirSync(at).sort()
  return { home, at, put, settle, names }
}
const dotOpencode = (home: string): string => join(home, '.opencode')

const ours = ['node_modules', 'package-lock.json']
const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('settlePluginPackage', () => {
  it('writes a placeholder that opencode reads as a finished install, private and empty', async () => {
    const { at, settle, names } = homeWith()
    await settle()
    expect(names()).toEqual(ours)
    expect(readdirSync(join(at, 'node_modules'))).toEqual([])
    const lock = JSON.parse(readFileSync(join(at, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dependencies: object }>
    }
    expect(Object.keys(lock.packages['']?.dependencies ?? {})).toEqual(['@opencode-ai/plugin'])
    expect([modeOf(join(at, 'node_modules')), modeOf(join(at, 'package-lock.json'))]).toEqual([0o700, 0o600])
  })

  it('changes nothing the second time, and completes a placeholder after a crash', async () => {
    const { at, settle, names } = homeWith()
    await settle()
    const before = statSync(join(at, 'package-lock.json'))
    await settle()
    expect(statSync(join(at, 'package-lock.json'))).toMatchObject({
      ino: before.ino,
      mtimeMs: before.mtimeMs,
    })
    rmSync(join(at, 'node_modules'), { recursive: true })
    await settle()
    expect(names()).toEqual(ours)
  })

  it('writes the placeholder also in an existing ~/.opencode, but creates no such folder', async () => {
    const { settle, names } = homeWith({ 'agent/reviewer.md': '' }, dotOpencode)
    await settle()
    expect(names()).toEqual(['agent', ...ours])
    const { home, settle: again } = homeWith()
    await again()
    expect(readdirSync(home)).toEqual(['.config'])
  })

  it.each([
    ['a tool', { 'tool/a.ts': '' }],
    ['a tool in tools', { 'tools/a.js': '' }],
    ['a plugin', { 'plugin/a.js': '' }],
    ['a hidden plugin in plugins', { 'plugins/.a.ts': '' }],
    ['a package.json', { 'package.json': '{}' }],
    ['a plugin in opencode.json', { 'opencode.json': '{"plugin":["x"]}' }],
    ['a plugin in opencode.jsonc', { 'opencode.jsonc': '{ "plugin": ["x"], // mine\n}' }],
    ['a plugin in config.json', { 'config.json': '{"plugin":["x"]}' }],
    ['a config of the old form', { config: 'plugin = ["x"]' }],
  ])('leaves the folder to opencode for %s, also after an earlier placeholder', async (_what, files) => {
    const fresh = homeWith(files)
    const before = fresh.names()
    await fresh.settle()
    expect(fresh.names()).toEqual(before)
    const used = homeWith()
    await used.settle()
    used.put(files)
    await used.settle()
    expect(used.names()).toEqual(before)
  })

  it("leaves the folder to opencode for a plugin that the user's variables name", async () => {
    const { home, settle, names } = homeWith()
    const config = join(home, 'mine.json')
    writeFileSync(config, '{"plugin":["x"]}')
    for (const env of [{ OPENCODE_CONFIG_CONTENT: '{"plugin":["x"]}' }, { OPENCODE_CONFIG: config }]) {
      await settle()
      expect(names()).toEqual(ours)
      await settle(env)
      expect(names()).toEqual([])
    }
  })

  it('writes the placeholder beside files that need no package', async () => {
    const { settle, names } = homeWith({
      'opencode.json': '{"plugin":[],"model":"a/plugin"}',
      'tool/readme.md': '',
      'agent/a.md': '',
      'plugin/': '',
    })
    await settle({ OPENCODE_CONFIG_CONTENT: '{}', OPENCODE_CONFIG: '/nonexistent' })
    expect(names()).toEqual(expect.arrayContaining(ours))
  })

  it.each([
    [
      'a finished install',
      { 'node_modules/a/x': '1', 'package-lock.json': '{"packages":{}}', 'package.json': '{}' },
    ],
    [
      'a finished install without its package.json',
      { 'node_modules/a/x': '1', 'package-lock.json': '{"packages":{}}' },
    ],
    ['an install that was cut', { 'node_modules/.a-x/y': '1' }],
    ['an empty node_modules', { 'node_modules/': '' }],
    ['a lock of another install', { 'package-lock.json': '{}' }],
    ['a lock of another package manager', { 'bun.lock': '' }],
  ])('never changes %s, whether the package is needed or not', async (_what, files) => {
    const { at, put, settle, names } = homeWith(files)
    const content = () =>
      names().map((name) => [name, statSync(join(at, name)).ino, statSync(join(at, name)).mtimeMs])
    const before = content()
    await settle()
    expect(content()).toEqual(before)
    put({ 'tool/a.ts': '' })
    await settle()
    expect(content().filter(([name]) => name !== 'tool')).toEqual(before)
  })

  it('removes its lock file and keeps other files in node_modules when the package is needed', async () => {
    const { at, put, settle } = homeWith()
    await settle()
    put({ 'node_modules/mine/index.js': '' })
    await settle()
    expect(existsSync(join(at, 'package-lock.json'))).toBe(true)
    put({ 'tool/a.ts': '' })
    await settle()
    expect(existsSync(join(at, 'package-lock.json'))).toBe(false)
    expect(existsSync(join(at, 'node_modules/mine/index.js'))).toBe(true)
  })

  it('follows no links', async () => {
    const elsewhere = tempHome()
    const { at, settle, names } = homeWith()
    symlinkSync(elsewhere, join(at, 'node_modules'))
    await settle()
    expect(names()).toEqual(['node_modules'])
    const linked = homeWith()
    symlinkSync(elsewhere, dotOpencode(linked.home))
    await linked.settle()
    expect(readdirSync(elsewhere)).toEqual([])
  })

  it('never rejects, even if the home cannot be used', async () => {
    const home = tempHome()
    writeFileSync(join(home, '.config'), 'a file')
    await expect(settlePluginPackage(home, {})).resolves.toBeUndefined()
  })
})
