import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import which from 'which'
import { BinaryNotFoundError } from '../../errors.ts'
import { readProc } from '../process/proc.ts'
import { absolutePath, homeDirectory, workingDirectory } from '../host/surroundings.ts'

/** Where a look-up may look; the defaults are this process's. */
export interface BinaryLookup {
  path?: string | undefined
  home?: string | undefined
  /** Folders or files from which the `opencode-ai` package is resolved. */
  from?: readonly string[]
}

/** A binary, and why it is the one. */
export interface FoundBinary {
  file: string
  source: 'option' | 'PATH' | 'installer' | 'package'
  /** The package's stub that was found there; `file` is what it stands for. */
  stub?: string
}

/** The binary of {@link locateBinary}, without the reason. */
export async function resolveBinary(binary?: string, lookup: BinaryLookup = {}): Promise<string> {
  return (await locateBinary(binary, lookup)).file
}

/**
 * Finds the opencode binary: `binary` if given, else on PATH, in `~/.opencode/bin` (where the official installer
 * puts it, which service managers never look at), or in the `opencode-ai` package. A stub that only works after its
 * install script ran (`opencode-ai/bin/opencode.exe`, opencode 1.18.33) is replaced by the platform package's own binary.
 * @throws BinaryNotFoundError (`ERR_OPENCODE_BINARY_NOT_FOUND`) that lists what was tried.
 */
export async function locateBinary(binary?: string, lookup: BinaryLookup = {}): Promise<FoundBinary> {
  const { path = process.env['PATH'] ?? '', home = homeDirectory(), from = ownPackages() } = lookup
  if (binary !== undefined) return explicit(binary, path, from)
  const onPath = await onSearchPath('opencode', path)
  const installed = home === undefined ? undefined : join(home, '.opencode', 'bin', executable)
  const found =
    (onPath !== undefined && runnable(onPath, 'PATH', from)) ||
    (installed !== undefined && runnable(installed, 'installer', from))
  if (found) return found
  const file = fromPackage(from)
  if (file !== undefined) return { file, source: 'package' }
  throw new BinaryNotFoundError(
    `No opencode binary found: ${onPath === undefined ? 'not on PATH' : `on PATH only ${onPath}, ${whyNot(onPath)}`}, ` +
      `${installed === undefined ? noHome : `not at ${installed}`}, and no package opencode-ai for this platform. ` +
      'Run `npm install opencode-ai`, or set the option `binary`.',
  )
}

/** Returns the bases from which the package `opencode-ai` is resolved: this package, and the working directory. */
function ownPackages(): string[] {
  const working = workingDirectory()
  return working === undefined ? [import.meta.url] : [import.meta.url, join(working, 'package.json')]
}

const noHome = 'not in ~/.opencode/bin (HOME is not set, and this user has no entry in the user database)'

async function explicit(binary: string, path: string, from: readonly string[]): Promise<FoundBinary> {
  const isPath = isAbsolute(binary) || /[\\/]/.test(binary)
  const candidate = isPath ? absolutePath(binary) : await onSearchPath(binary, path)
  const found = candidate === undefined ? undefined : runnable(candidate, 'option', from)
  if (found !== undefined) return found
  const why = candidate === undefined ? (isPath ? noFolder : 'which is not on PATH') : whyNot(candidate)
  throw new BinaryNotFoundError(`The option \`binary\` names ${JSON.stringify(binary)}, ${why}.`)
}

const noFolder = 'which is relative to a working directory that was removed'

function whyNot(file: string): string {
  if (!existsSync(file)) return 'which does not exist'
  if (isExecutable(file) && isStub(file))
    return 'which is the stub of the package opencode-ai, without the binary that it stands for'
  return 'which is not an executable file'
}

const executable = process.platform === 'win32' ? 'opencode.exe' : 'opencode'

async function onSearchPath(name: string, path: string): Promise<string | undefined> {
  const absolute = path.split(delimiter).filter(isAbsolute).join(delimiter)
  return (await which(name, { path: absolute, nothrow: true })) ?? undefined
}

/** The file itself where it can run; for the package's stub, the binary that it stands for. */
function runnable(
  file: string,
  source: FoundBinary['source'],
  from: readonly string[],
): FoundBinary | undefined {
  if (!isExecutable(file)) return undefined
  if (!isStub(file)) return { file, source }
  const real = fromPackage([file, ...from])
  return real === undefined ? undefined : { file: real, source, stub: file }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** A shell text without a shebang, of a few hundred bytes: what the package ships until its install script ran. */
function isStub(file: string): boolean {
  if (statSync(file).size > 4096) return false
  const head = readFileSync(file, 'latin1')
  return !head.startsWith('#!') && /opencode/i.test(head) && /postinstall|install/i.test(head)
}

function fromPackage(from: readonly string[]): string | undefined {
  for (const base of from) {
    const root = packageFolder('opencode-ai', base)
    if (root === undefined) continue
    for (const name of platformPackages()) {
      const folder = packageFolder(name, join(root, 'package.json'))
      const file = folder === undefined ? undefined : join(folder, 'bin', executable)
      if (file !== undefined && existsSync(file)) return file
    }
  }
  return undefined
}

function packageFolder(name: string, from: string): string | undefined {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}

/** The platform packages in the order in which they suit this machine (`opencode-ai` 1.18.33, its install script). */
function platformPackages(): string[] {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const base = `opencode-${platform}-${process.arch}`
  const libc = platform === 'linux' && existsSync('/etc/alpine-release') ? ['-musl', ''] : ['', '-musl']
  const cpu = process.arch === 'x64' && !hasAvx2() ? ['-baseline', ''] : ['', '-baseline']
  return libc.flatMap((c) => cpu.map((feature) => `${base}${feature}${c}`))
}

function hasAvx2(): boolean {
  if (process.platform !== 'linux') return true
  const cpus = readProc('cpuinfo')
  return cpus === undefined || /\bavx2\b/.test(cpus)
}
