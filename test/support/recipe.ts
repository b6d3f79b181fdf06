import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { SpawnWrapper } from '../../src/index.ts'
import { canBeEntered } from './doctor.ts'
import { examplesOf } from './doc-examples.ts'

const page = 'docs/guides/isolating-tenants.md'
const project = join(import.meta.dirname, '../..')

/** Returns the function `sandbox` of the guide, as the guide prints it. */
export async function sandboxOfGuide(): Promise<(home: string, folders?: readonly string[]) => SpawnWrapper> {
  const text = readFileSync(join(project, page), 'utf8')
  const recipe = examplesOf(page, text).find(({ file }) => file === 'lib/sandbox.ts')
  if (recipe === undefined) throw new Error(`${page} has no lib/sandbox.ts`)
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-recipe-'))
  try {
    const file = join(folder, 'sandbox.mjs')
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    writeFileSync(file, ts.transpileModule(recipe.code, { compilerOptions }).outputText)
    const { sandbox } = (await import(pathToFileURL(file).href)) as {
      sandbox: (home: string, folders?: readonly string[]) => SpawnWrapper
    }
    return sandbox
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Returns the reason why bubblewrap cannot run here as a user; `undefined` if it can. */
export function sandboxProblem(user: { uid?: number; gid?: number } = {}): string | undefined {
  if (process.platform !== 'linux') return 'bubblewrap runs on Linux only'
  const args = ['--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true']
  try {
    execFileSync('bwrap', args, { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    return undefined
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer }
    return stderr?.toString().trim() ?? message
  }
}

/** Returns the reason why a server cannot run here as another user; `undefined` if it can. */
export function otherUserProblem(): string | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0)
    return 'this process does not run as root on Linux'
  // The other user must be able to read all programs that it runs, links resolved.
  const needed = [realpathSync(join(project, 'node_modules')), import.meta.dirname, tmpdir()]
  const closed = needed.find((folder) => !canBeEntered(folder))
  return closed === undefined ? undefined : `other users cannot enter ${closed}`
}

/** Warns loudly about tests that do not run. */
export function warnSkipped(what: string, why: string): void {
  const line = '*'.repeat(78)
  console.warn(['', line, `*  SKIPPED: ${what} did NOT run.`, `*    ${why}`, line, ''].join('\n'))
}
