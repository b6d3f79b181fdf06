import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BinaryNotFoundError } from '../../../../src/errors.ts'
import { resolveBinary } from '../../../../src/io/opencode/binary.ts'
import { tempHome } from '../../../support/home.ts'

/** Content of the stub `bin/opencode.exe` that the package opencode-ai holds until its install script ran. */
const stub = 'echo "Error: opencode-ai\'s postinstall script was not run." >&2\nexit 1\n'

function place(file: string, content = '#!/bin/sh\n', mode = 0o755): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  chmodSync(file, mode)
  return file
}

/** Creates a folder with `node_modules` as npm creates it: the package, and the binaries of some platforms. */
function install(platforms: readonly string[], content = stub) {
  const root = tempHome()
  const modules = join(root, 'node_modules')
  place(join(modules, 'opencode-ai', 'package.json'), '{"name":"opencode-ai"}', 0o644)
  const bin = place(join(modules, 'opencode-ai', 'bin', 'opencode.exe'), content)
  const binaries = platforms.map((name) => {
    place(join(modules, name, 'package.json'), `{"name":"${name}"}`, 0o644)
    return place(join(modules, name, 'bin', 'opencode'), 'ELF')
  })
  return { root, bin, binaries, from: [join(root, 'package.json')] }
}

const platform = `opencode-${process.platform}-${process.arch}`
const nowhere = { path: '', home: '/nonexistent', from: [] }

describe('resolveBinary', () => {
  it('returns an explicit path unchanged', async () => {
    const file = place(join(tempHome(), 'my-opencode'))
    expect(await resolveBinary(file, nowhere)).toBe(file)
    expect(await resolveBinary(relative(process.cwd(), file), nowhere)).toBe(file)
  })

  it('searches PATH for an explicit name', async () => {
    const folder = tempHome()
    const file = place(join(folder, 'opencode-next'))
    expect(await resolveBinary('opencode-next', { ...nowhere, path: folder })).toBe(file)
  })

  it('accepts a link to a binary', async () => {
    const folder = tempHome()
    const link = join(folder, 'opencode')
    symlinkSync(place(join(tempHome(), 'real')), link)
    expect(await resolveBinary(undefined, { ...nowhere, path: folder })).toBe(link)
  })

  it.each([
    ['does not exist', () => join(tempHome(), 'missing')],
    ['is not an executable file', () => place(join(tempHome(), 'plain'), 'x', 0o644)],
    ['is not an executable file', () => tempHome()],
    ['is not on PATH', () => 'no-such-opencode'],
  ])('rejects an explicit binary that %s', async (why, make) => {
    const binary = make()
    const error = await resolveBinary(binary, nowhere).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BinaryNotFoundError)
    expect((error as Error).message).toBe(
      `The option \`binary\` names ${JSON.stringify(binary)}, which ${why}.`,
    )
  })

  it('uses no other binary if the explicit binary cannot run', async () => {
    const folder = tempHome()
    place(join(folder, 'opencode'))
    await expect(resolveBinary('/no/such', { ...nowhere, path: folder })).rejects.toThrow('does not exist')
  })

  it("prefers the project's package to PATH, and PATH to ~/.opencode/bin", async () => {
    const [folder, home] = [tempHome(), tempHome()]
    const lookup = { path: folder, home, from: [] }
    const installed = place(join(home, '.opencode', 'bin', 'opencode'))
    expect(await resolveBinary(undefined, lookup)).toBe(installed)
    const onPath = place(join(folder, 'opencode'))
    expect(await resolveBinary(undefined, lookup)).toBe(onPath)
    const { from, binaries } = install([platform])
    expect(await resolveBinary(undefined, { ...lookup, from })).toBe(binaries[0])
  })

  it('returns the binary of the first folder on PATH that has one', async () => {
    const [empty, first, second] = [tempHome(), tempHome(), tempHome()]
    place(join(second, 'opencode'))
    const file = place(join(first, 'opencode'))
    place(join(empty, 'opencode'), 'x', 0o644)
    const path = [empty, first, second].join(delimiter)
    expect(await resolveBinary(undefined, { ...nowhere, path })).toBe(file)
  })

  it('ignores relative entries of PATH', async () => {
    const folder = tempHome()
    place(join(folder, 'opencode'))
    const path = ['.', '', relative(process.cwd(), folder)].join(delimiter)
    await expect(resolveBinary(undefined, { ...nowhere, path })).rejects.toThrow(BinaryNotFoundError)
    await expect(resolveBinary('opencode', { ...nowhere, path })).rejects.toThrow('is not on PATH')
  })

  it("replaces the package's stub by the platform's binary, on PATH, if given, and in the package", async () => {
    const { root, bin, binaries, from } = install([platform])
    expect(await resolveBinary(bin, nowhere)).toBe(binaries[0])
    const links = join(root, 'node_modules', '.bin')
    mkdirSync(links)
    symlinkSync(bin, join(links, 'opencode'))
    expect(await resolveBinary(undefined, { ...nowhere, path: links, from })).toBe(binaries[0])
    expect(await resolveBinary(undefined, { ...nowhere, from })).toBe(binaries[0])
  })

  it('ignores a binary of the package that is not executable', async () => {
    const folder = tempHome()
    const { from, binaries } = install([platform])
    chmodSync(binaries[0] ?? '', 0o644)
    const onPath = place(join(folder, 'opencode'))
    expect(await resolveBinary(undefined, { ...nowhere, path: folder, from })).toBe(onPath)
  })

  it("returns the package's own binary after its install script ran", async () => {
    const { bin } = install([platform], 'ELF'.repeat(10_000))
    expect(await resolveBinary(bin, nowhere)).toBe(bin)
  })

  it('accepts a script with a shebang, even if its text mentions an install of opencode', async () => {
    const file = place(
      join(tempHome(), 'wrapper'),
      '#!/bin/sh\n# opencode, see postinstall\nexec /usr/bin/opencode "$@"\n',
    )
    expect(await resolveBinary(file, nowhere)).toBe(file)
  })

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'prefers the platform package for this machine, and falls back to another package of the platform',
    async () => {
      const hasAvx2 = /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
      const all = [platform, `${platform}-baseline`, `${platform}-musl`, `${platform}-baseline-musl`]
      const { from } = install(all)
      const expected = hasAvx2 ? platform : `${platform}-baseline`
      expect(await resolveBinary(undefined, { ...nowhere, from })).toContain(`/${expected}/`)
      const other = install([`${platform}-baseline-musl`, 'opencode-darwin-arm64'])
      expect(await resolveBinary(undefined, { ...nowhere, from: other.from })).toBe(other.binaries[0])
    },
  )

  it('searches the other places if this user has no home directory, and says so', async () => {
    vi.stubEnv('HOME', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const file = place(join(tempHome(), 'opencode'))
    expect(await resolveBinary(undefined, { path: dirname(file), from: [] })).toBe(file)
    await expect(resolveBinary(undefined, { path: '', from: [] })).rejects.toThrow(
      /not in ~\/\.opencode\/bin \(HOME is not set/,
    )
  })

  it('needs a working directory only for a relative path', async () => {
    vi.spyOn(process, 'cwd').mockImplementation(() => {
      throw Object.assign(new Error('ENOENT: uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' })
    })
    onTestFinished(() => void vi.restoreAllMocks())
    const file = place(join(tempHome(), 'opencode'))
    expect(await resolveBinary(file, { path: '' })).toBe(file)
    expect(await resolveBinary(undefined, { path: dirname(file), from: [] })).toBe(file)
    const failure = resolveBinary('./opencode', { path: '' })
    await expect(failure).rejects.toThrow(BinaryNotFoundError)
    await expect(failure).rejects.toThrow(/relative to a working directory that was removed/)
  })

  it('names the searched places and what to do if there is no binary', async () => {
    const { from, bin } = install(['opencode-plan9-mips'])
    const home = tempHome()
    const error = await resolveBinary(undefined, { path: '', home, from }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BinaryNotFoundError)
    expect((error as Error).message).toContain(join(home, '.opencode', 'bin', 'opencode'))
    expect((error as Error).message).toMatch(/opencode-ai.*PATH.*npm install opencode-ai.*`binary`/s)
    await expect(resolveBinary(bin, nowhere)).rejects.toThrow(BinaryNotFoundError)
  })
})
