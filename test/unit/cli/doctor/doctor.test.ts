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

/** Runs the command, and gives back what it wrote. */
async function run(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'doctor', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

const opencode = (): string => place(join(tempHome(), 'opencode'), `#!/bin/sh\necho ${tested.to}\n`, 0o755)

/** Everything below a folder, with modes and contents. */
function contents(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode } = statSync(join(folder, name))
      return `${name} ${mode.toString(8)} ${statSync(join(folder, name)).isFile() ? readFileSync(join(folder, name), 'utf8') : ''}`
    })
}

describe('doctor', () => {
  it('a healthy host ends with 0, and nothing on the disk has changed', async () => {
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
    expect(stdout).toMatch(/^✔ models: gpt-4o is there$/m)
    expect(stdout).toMatch(/\n\nno failure, \d warnings?, 0 skipped\n$/)
    expect(stdout).not.toContain(doctorKey)
    expect(contents(root)).toEqual(before)
    expect(contents(temporary)).toEqual([])
  })

  it('--json prints one array, in which every warning and failure has advice; a failure ends with 1', async () => {
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

  it('without flags it says which one would enable what it skipped', async () => {
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

  it('a check that fails itself is a failure, and the others go on', async () => {
    const broken = vi.fn(() => Promise.reject(new Error(`cannot\nread ${doctorKey}`)))
    Object.defineProperty(broken, 'name', { value: 'checkBroken' })
    const all = checks as (typeof checks)[number][]
    all.unshift(broken)
    onTestFinished(() => void all.shift())
    vi.stubEnv('OPENCODE_RUNTIME_API_KEY', doctorKey)
    const { code, stdout } = await run('--binary', opencode())
    expect(code).toBe(1)
    expect(stdout).toMatch(/^✖ broken: it could not be checked: cannot read \*\*\*\n {2}→ /)
    expect(stdout).toMatch(/^✔ version/m)
  })

  it('a signal ends it with its own code, and nothing is left', async () => {
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
    ['a port that is none', ['--port', '65536'], /whole number from 1 to 65535/],
    ['a port that is no number', ['--port', 'http'], /whole number from 1 to 65535/],
    ['a flag without its value', ['--proxy'], /argument missing/],
    ['an argument', ['home'], /too many arguments/],
  ])('%s ends with 2', async (_what, args, message) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })

  it('--help tells its exit codes and where the key comes from', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/Exit codes:\n +0 +no failure/)
    expect(stdout).toMatch(/OPENCODE_RUNTIME_API_KEY/)
  })
})

describe('the report', () => {
  const plain = (_style: unknown, text: string): string => text

  it('is a line for a finding, and one for what to do', () => {
    expect(formatFinding({ check: 'a', status: 'ok', finding: 'b' }, plain)).toBe('✔ a: b\n')
    expect(formatFinding({ check: 'a', status: 'skipped', finding: 'b' }, plain)).toBe('- a: skipped: b\n')
    const failed: Finding = { check: 'a', status: 'failure', finding: 'b', advice: 'c' }
    expect(formatFinding(failed, plain)).toBe('✖ a: b\n  → c\n')
    expect(formatFinding({ ...failed, status: 'warning' }, plain)).toBe('! a: b\n  → c\n')
  })

  it('counts', () => {
    const of = (status: Finding['status']): Finding => ({ check: 'a', status, finding: 'b' })
    expect(formatSummary([of('ok')], plain)).toBe('\nno failure, 0 warnings, 0 skipped\n')
    const all = [of('failure'), of('warning'), of('warning'), of('skipped')]
    expect(formatSummary(all, plain)).toBe('\n1 failure, 2 warnings, 1 skipped\n')
  })
})
