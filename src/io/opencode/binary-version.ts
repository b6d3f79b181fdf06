import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireDescriptors } from '../host/descriptors.ts'
import { noServer, serverEnvironment } from './environment.ts'
import { loadModule } from '../host/load-module.ts'
import { signalGroup } from '../process/processes.ts'
import { firstLine } from '../../util/messages.ts'

/** What a binary said of its version, or why it said nothing: one line, about the binary. */
export type VersionAnswer = { version: string } | { failure: string }

/** 0.7 to 1 s on a quiet machine (opencode 1.18.33); a cold disk, or a busy one, takes several. */
const timeLimitMs = 20_000
const maxOutput = 64 * 1024

/**
 * Asks a binary for its version (opencode 1.18.33, `opencode --version`: `1.18.33`). Home and temporary folder of the
 * process are a folder made for it and removed after: opencode makes its folders whatever it is asked. Never rejects,
 * but for a temporary folder that cannot be written and a fault of the host; an aborted signal, or the time limit in ms, ends the process.
 */
export async function askVersion(
  binary: string,
  signal?: AbortSignal,
  limitMs = timeLimitMs,
): Promise<VersionAnswer> {
  const home = await mkdtemp(join(tmpdir(), 'opencode-runtime-version-'))
  const limit = AbortSignal.timeout(limitMs)
  try {
    const answer = await run(binary, home, signal === undefined ? limit : AbortSignal.any([limit, signal]))
    return limit.aborted && 'failure' in answer
      ? { failure: `gave no answer within ${limitMs / 1000} s` }
      : answer
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

async function run(binary: string, home: string, signal: AbortSignal): Promise<VersionAnswer> {
  const env = { TMPDIR: home, TEMP: home, TMP: home }
  const { execa } = await loadModule('execa', () => import('execa'))
  requireDescriptors('The binary could not be asked for its version')
  const child = execa(binary, ['--version'], {
    cwd: home,
    env: serverEnvironment({ ...noServer, home, env }),
    extendEnv: false,
    // A group of its own, so that a wrapper's children end with it.
    detached: true,
    stdin: 'ignore',
    maxBuffer: maxOutput,
    reject: false,
    windowsHide: true,
  })
  const end = (): void => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  }
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  const result = await child
  signal.removeEventListener('abort', end)
  if (result.isMaxBuffer) end()
  const version = /^\s*v?(\d+\.\d+\.\d+\S*)\s*$/m.exec(result.stdout)?.[1]
  if (version !== undefined && result.exitCode === 0) return { version }
  return { failure: failureOf(result) }
}

function failureOf(result: {
  code?: string | undefined
  exitCode?: number | undefined
  signal?: string | undefined
  stdout: string
  stderr: string
}): string {
  const { code, exitCode, signal } = result
  const said = firstLine(result.stderr.trim() || result.stdout.trim())
  const quoted = said === '' ? '' : `: ${said}`
  if (exitCode === 0) return said === '' ? 'printed no version' : `printed no version${quoted}`
  if (exitCode !== undefined) return `exited with code ${exitCode}${quoted}`
  if (signal !== undefined) return `was ended by ${signal}${quoted}`
  return `could not be started (${code ?? 'unknown'})`
}
