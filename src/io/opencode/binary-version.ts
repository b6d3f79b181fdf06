import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireDescriptors } from '../host/descriptors.ts'
import { noServer, serverEnvironment } from './environment.ts'
import { loadExeca } from '../process/load-execa.ts'
import { signalGroup } from '../process/processes.ts'
import { firstLine } from '../../util/messages.ts'

/** Version of a binary, or the reason why it reported none: one line, about the binary. */
export type VersionAnswer = { version: string } | { failure: string }

/**
 * Time limit of a version request, in ms. A cold or busy disk takes several seconds.
 * @remarks Observed in opencode 1.18.33: 0.7 to 1 s on a quiet machine.
 */
const timeLimitMs = 20_000
const maxOutput = 64 * 1024

/**
 * Returns the version that a binary reports. The process gets a new folder as its home and temporary folder,
 * which is removed afterwards, because opencode makes its folders for any command. An aborted signal and the
 * time limit end the process. Rejects only if the temporary folder cannot be written, or for a fault of the
 * host.
 * @param limitMs - time limit in ms
 * @remarks Observed in opencode 1.18.33: `opencode --version` prints `1.18.33`.
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
      ? { failure: `did not answer within ${limitMs / 1000} s` }
      : answer
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }
}

async function run(binary: string, home: string, signal: AbortSignal): Promise<VersionAnswer> {
  const env = { TMPDIR: home, TEMP: home, TMP: home }
  const { execa } = await loadExeca()
  requireDescriptors('The version of the binary could not be read')
  const child = execa(binary, ['--version'], {
    cwd: home,
    env: serverEnvironment({ ...noServer, home, env }),
    extendEnv: false,
    // Own process group, so that the children of a wrapper end with it.
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
  const output = firstLine(result.stderr.trim() || result.stdout.trim())
  const quoted = output === '' ? '' : `: ${output}`
  if (exitCode === 0) return output === '' ? 'printed no version' : `printed no version${quoted}`
  if (exitCode !== undefined) return `exited with code ${exitCode}${quoted}`
  if (signal !== undefined) return `was ended by ${signal}${quoted}`
  return `could not be started (${code ?? 'unknown'})`
}
