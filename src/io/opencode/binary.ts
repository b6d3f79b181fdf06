import { existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import which from 'which'
import { isProgram } from '../host/shell.ts'
import { BinaryNotFoundError } from '../../errors.ts'
import { requireFrom, resolutionBases } from '../../own-package.ts'
import { readProc } from '../process/proc.ts'
import { absolutePath, homeDirectory, workingDirectory } from '../host/directories.ts'

/** Places of a look-up. The defaults are those of this process. */
export interface BinaryLookup {
  path?: string | undefined
  home?: string | undefined
  /** Folders or files from which the package `opencode-ai` is resolved. */
  from?: readonly string[]
}

/** Binary, and the place where it was found. */
export interface FoundBinary {
  file: string
  source: 'option' | 'package' | 'PATH' | 'installer'
  /** Stub of the package that was found; `file` is the binary that the stub stands for. */
  stub?: string
}

/** Returns the path of the binary that {@link locateBinary} finds. */
export async function resolveBinary(binary?: string, lookup: BinaryLookup = {}): Promise<string> {
  return (await locateBinary(binary, lookup)).file
}

/**
 * Returns the opencode binary: `binary` if given, else the binary of the project's package `opencode-ai`, on
 * PATH, or in `~/.opencode/bin`. The package comes first, because the project's lock file names its version.
 * The official installer writes to `~/.opencode/bin`, which service managers do not search. A stub of the
 * package is replaced by the platform package's own binary.
 * @throws BinaryNotFoundError (`ERR_OPENCODE_BINARY_NOT_FOUND`) that lists the places that were tried
 * @remarks Observed in opencode 1.18.33: `opencode-ai/bin/opencode.exe` is a stub that works only after its
 *   install script ran.
 */
export async function locateBinary(binary?: string, lookup: BinaryLookup = {}): Promise<FoundBinary> {
  const { path = process.env['PATH'] ?? '', home = homeDirectory(), from = ownPackages() } = lookup
  if (binary !== undefined) return explicit(binary, path, from)
  const packaged = fromPackage(from)
  if (packaged !== undefined) return { file: packaged, source: 'package' }
  const onPath = await onSearchPath('opencode', path)
  const installed = home === undefined ? undefined : join(home, '.opencode', 'bin', executable)
  const found =
    (onPath !== undefined && runnable(onPath, 'PATH', from)) ||
    (installed !== undefined && runnable(installed, 'installer', from))
  if (found) return found
  throw new BinaryNotFoundError(
    'No opencode binary found: no package opencode-ai for this platform, ' +
      `${onPath === undefined ? 'not on PATH' : `on PATH only ${onPath}, ${whyNot(onPath)}`}, and ` +
      `${installed === undefined ? noHome : `not at ${installed}`}. ` +
      'Run `npm install opencode-ai`, or set the option `binary`.',
  )
}

/**
 * Returns the bases from which the package `opencode-ai` is resolved: this package, and the working
 * directory.
 */
const ownPackages = (): string[] => resolutionBases(workingDirectory())

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
  if (isProgram(file) && isStub(file))
    return 'which is the stub of the package opencode-ai, without the binary that it stands for'
  return 'which is not an executable file'
}

const executable = process.platform === 'win32' ? 'opencode.exe' : 'opencode'

async function onSearchPath(name: string, path: string): Promise<string | undefined> {
  const absolute = path.split(delimiter).filter(isAbsolute).join(delimiter)
  return (await which(name, { path: absolute, nothrow: true })) ?? undefined
}

/** Returns the file if it can run, or, for the package's stub, the binary that the stub stands for. */
function runnable(
  file: string,
  source: FoundBinary['source'],
  from: readonly string[],
): FoundBinary | undefined {
  if (!isProgram(file)) return undefined
  if (!isStub(file)) return { file, source }
  const real = fromPackage([file, ...from])
  return real === undefined ? undefined : { file: real, source, stub: file }
}

/**
 * Returns whether a file is the package's stub, which the package holds until its install script has run:
 * shell text without a shebang, a few hundred bytes long.
 */
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
      if (file !== undefined && isProgram(file)) return file
    }
  }
  return undefined
}

function packageFolder(name: string, from: string): string | undefined {
  try {
    return dirname(requireFrom(from).resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}

/**
 * Returns the platform packages, best match for this machine first, in the order of the install script of
 * `opencode-ai` 1.18.33.
 */
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
