import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { hostTool } from '../../../../src/config/host-tool.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { hostPluginFile, writeHostPlugin } from '../../../../src/io/opencode/host-plugin.ts'
import { settlePluginPackage } from '../../../../src/io/opencode/plugin-package.ts'
import { configFolder } from '../../../../src/io/opencode/config-file.ts'
import { findProjectCode } from '../../../../src/io/opencode/project-code.ts'
import { tempHome } from '../../../support/home.ts'

const input = z.object({ id: z.string(), note: z.string().optional() })
const look = hostTool({ description: 'Says "so" `${now}`.', input, execute: () => 'so' })

/** Loads a plugin as opencode does, and returns its hooks. */
async function load(file: string) {
  const text = readFileSync(file, 'base64')
  const exported = (await import(`data:text/javascript;base64,${text}`)) as Record<
    string,
    () => Promise<object>
  >
  const [plugin, ...others] = Object.values(exported)
  expect(others).toEqual([])
  return plugin?.()
}

describe('writeHostPlugin', () => {
  it('writes a plugin that offers nothing without an endpoint', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    expect(await load(hostPluginFile(home))).toEqual({})
  })

  it('writes the tools as the model sees them', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    const text = readFileSync(hostPluginFile(home), 'utf8')
    const [, tools = ''] = /const tools = (\[.*?\n\])/s.exec(text) ?? []
    expect(JSON.parse(tools)).toEqual([
      {
        ...{ name: 'host_look', tool: 'look', description: 'Says "so" `${now}`.', ask: false },
        schema: expect.objectContaining({ type: 'object', required: ['id'] }) as unknown,
      },
    ])
    expect(tools).not.toContain('$schema')
  })

  it('is private, and writes an unchanged plugin once', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    const file = hostPluginFile(home)
    expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700])
    const { ino } = statSync(file)
    await writeHostPlugin(home, { look })
    expect(statSync(file).ino).toBe(ino)
  })

  it('removes the plugin if there are no host tools, and no other plugin', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    const theirs = join(dirname(hostPluginFile(home)), 'theirs.js')
    writeFileSync(theirs, '')
    await writeHostPlugin(home, {})
    expect([existsSync(hostPluginFile(home)), existsSync(theirs)]).toEqual([false, true])
    await writeHostPlugin(home, {})
  })

  it('rejects with the home if the plugin cannot be written', async () => {
    const home = tempHome()
    mkdirSync(configFolder(home), { recursive: true })
    writeFileSync(join(configFolder(home), 'plugin'), 'a file')
    await expect(writeHostPlugin(home, { look })).rejects.toThrow(InvalidOptionsError)
  })

  it('needs no package of opencode, but another plugin beside it does', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    const lock = join(configFolder(home), 'package-lock.json')
    await settlePluginPackage(home, {})
    expect(existsSync(lock)).toBe(true)
    writeFileSync(join(dirname(hostPluginFile(home)), 'theirs.js'), '')
    await settlePluginPackage(home, {})
    expect(existsSync(lock)).toBe(false)
  })

  it('passes the guard of projects in the workspace of the home, and a project with the same file does not', async () => {
    const home = tempHome()
    await writeHostPlugin(home, { look })
    const project = join(home, 'workspace')
    const copy = join(project, '.opencode', 'plugin', 'opencode-runtime-host-tools.js')
    mkdirSync(project)
    expect(await findProjectCode(project, { home, env: {} })).toBeUndefined()
    mkdirSync(dirname(copy), { recursive: true })
    writeFileSync(copy, readFileSync(hostPluginFile(home)))
    expect(await findProjectCode(project, { home, env: {} })).toContain('opencode-runtime-host-tools.js')
  })
})
