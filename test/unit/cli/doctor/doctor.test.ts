import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { checks } from '../../../../src/cli/doctor/checks.ts'
import { doctor } from '../../../../src/cli/doctor.ts'
import type { Finding } from '../../../../src/cli/doctor/finding.ts'
import { formatFinding, formatSummary } from '../../../../src/cli/doctor/report.ts'
import { main } from '../../../../src/cli/program.ts'
import { tested } from '../../../../src/io/opencode/versions.ts'
import { keptStd } from '../../../support/cli-streams.ts'
import { doctorKey, modelList, place, serve } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

afterEach(() => void vi.unstubAllEnvs())

/** Runs the command, and returns its exit code and output. */
async function run(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'doctor', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

const opencode = (): string => place(join(tempHome(), 'opencode'), `#!/bin/sh\necho ${tested.to}\n`, 0o755)

/** Returns everything below a folder, with modes and contents. */
function contents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode } = statSync(join(folder, name))
      return `${name} ${mode.toString(8)} ${statSync(join(folder, name)).isFile() ? readFileSync(join(folder, name), 'utf8') : ''}`
    })
}

describe('doctor', () => {
  it('exits with 0 on a healthy host, and changes nothing on the disk', async () => {
    vi.stubEnv('OPENCODE_RUNTIME_API_KEY', doctorKey)
    const { url } = await serve((_request, response) => response.end(modelList('gpt-4o')))
    const [root, temporary, binary] = [tempHome(), tempHome(), opencode()]
    vi.stubEnv('TMPDIR', temporary)
    place(join(root, 'home', '.config', 'opencode', 'opencode.json'), '{}', 0o644)
    const before = contents(root)
    const flags = [
      '--home',
      join(root, 'home'),
      '--proxy',
      `${url}/v1`,
      '--model',
      'gpt-4o',
      '--binary',
      binary,
    ]
    const { code, stdout, stderr } = await run(...flags)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^✔ version: opencode /m)
    expect(stdout).toMatch(/^! modes: .* is 0644, not 0600\n {2}→ Run chmod 600 /m)
    expect(stdout).toMatch(/^✔ models: the proxy lists gpt-4o$/m)
    expect(stdout).toMatch(/\n\nno failure, \d warnings?, 0 skipped\n$/)
    expect(stdout).not.toContain(doctorKey)
    expect(contents(root)).toEqual(before)
    expect(contents(temporary)).toEqual([])
  })

  it('prints one array with --json, with advice for every warning and failure, and exits with 1 after a failure', async () => {
    const { code, stdout } = await run('--json', '--binary', '/no/such', '--proxy', 'nonsense')
    expect(code).toBe(1)
    const found = JSON.parse(stdout) as Finding[]
    for (const { check, status, finding, advice, ...rest } of found) {
      expect(rest).toEqual({})
      expect(check).toMatch(/^[a-z ]+$/)
      expect(finding).not.toMatch(/\n/)
      expect(typeof advice).toBe(status === 'warning' || status === 'failure' ? 'string' : 'undefined')
    }
    expect(found.filter(({ status }) => status === 'failure').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['binary', 'proxy']),
    )
  })

  it('names, for each skipped check, the flag that would enable it', async () => {
    const { stdout } = await run('--binary', opencode())
    for (const [check, flag] of [
      ['home', '--home'],
      ['modes', '--home'],
      ['disk space', '--home'],
      ['lock', '--home'],
      ['orphan', '--home'],
      ['directory', '--directory'],
      ['project', '--directory'],
      ['key', '--proxy'],
      ['proxy', '--proxy'],
      ['models', '--model'],
    ] as const)
      expect(stdout).toMatch(new RegExp(`^- ${check}: skipped: .*${flag}`, 'm'))
  })

  it('reports a check that throws as a failure, and continues with the other checks', async () => {
    const broken = vi.fn(() => Promise.reject(new Error(`cannot\nread ${doctorKey}`)))
    Object.defineProperty(broken, 'name', { value: 'checkBroken' })
    const all = checks as (typeof checks)[number][]
    all.unshift(broken)
    onTestFinished(() => void all.shift())
    vi.stubEnv('OPENCODE_RUNTIME_API_KEY', doctorKey)
    const { code, stdout } = await run('--binary', opencode())
    expect(code).toBe(1)
    expect(stdout).toMatch(/^✖ broken: the check failed: cannot read \*\*\*\n {2}→ /)
    expect(stdout).toMatch(/^✔ version/m)
  })

  it('exits with the code of a signal, and leaves nothing behind', async () => {
    const temporary = tempHome()
    const waiting = place(join(tempHome(), 'opencode'), '#!/bin/sh\nsleep 300\n', 0o755)
    vi.stubEnv('TMPDIR', temporary)
    const listeners = process.listenerCount('SIGTERM')
    const ended = doctor({ binary: waiting }, keptStd().std)
    await expect.poll(() => contents(temporary)).not.toEqual([])
    process.emit('SIGTERM', 'SIGTERM')
    expect(await ended).toBe(143)
    expect(contents(temporary)).toEqual([])
    expect(process.listenerCount('SIGTERM')).toBe(listeners)
  })

  it.each([
    ['an unknown flag', ['--hom', 'x'], /unknown option '--hom'/],
    ['a port out of range', ['--port', '65536'], /whole number from 1 to 65535/],
    ['a port that is not a number', ['--port', 'http'], /whole number from 1 to 65535/],
    ['a flag without its value', ['--proxy'], /argument missing/],
    ['an argument', ['home'], /too many arguments/],
  ])('exits with 2 for %s', async (_what, args, message) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })

  it('prints its exit codes and the source of the key with --help', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/Exit codes:\n +0 +no failure/)
    expect(stdout).toMatch(/OPENCODE_RUNTIME_API_KEY/)
  })
})

describe('formatFinding and formatSummary', () => {
  const plain = (_style: unknown, text: string): string => text

  it('formatFinding returns a line for the finding and a line for the advice', () => {
    expect(formatFinding({ check: 'a', status: 'ok', finding: 'b' }, plain)).toBe('✔ a: b\n')
    expect(formatFinding({ check: 'a', status: 'skipped', finding: 'b' }, plain)).toBe('- a: skipped: b\n')
    const failed: Finding = { check: 'a', status: 'failure', finding: 'b', advice: 'c' }
    expect(formatFinding(failed, plain)).toBe('✖ a: b\n  → c\n')
    expect(formatFinding({ ...failed, status: 'warning' }, plain)).toBe('! a: b\n  → c\n')
  })

  it('formatSummary counts the findings by status', () => {
    const of = (status: Finding['status']): Finding => ({ check: 'a', status, finding: 'b' })
    expect(formatSummary([of('ok')], plain)).toBe('\nno failure, 0 warnings, 0 skipped\n')
    const all = [of('failure'), of('warning'), of('warning'), of('skipped')]
    expect(formatSummary(all, plain)).toBe('\n1 failure, 2 warnings, 1 skipped\n')
  })
})
