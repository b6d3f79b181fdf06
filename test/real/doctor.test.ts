import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa, type Options } from 'execa'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { startScriptedModel } from '../../src/testing/index.ts'
import { judgeVersion } from '../../src/io/opencode/versions.ts'
import { buildCli } from '../support/built-cli.ts'
import { canBeEntered } from '../support/doctor.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { realServer } from '../support/real.ts'

const key = 'sk-doctor-test-0123456789'
// The binary of this repository, whatever the machine has installed.
const binary = join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe')

// Folder of the built command, links resolved; another user must be able to enter it.
const modules = realpathSync(join(import.meta.dirname, '../../node_modules'))

let cli: string

beforeAll(async () => {
  cli = await buildCli()
})

async function doctor(flags: readonly string[], options: Options = {}) {
  const { stdout, stderr, exitCode } = await execa('node', [cli, 'doctor', '--json', ...flags], {
    reject: false,
    env: { OPENCODE_RUNTIME_API_KEY: key },
    ...options,
  })
  expect(stderr).toBe('')
  const found = JSON.parse(String(stdout)) as Finding[]
  return {
    found,
    exitCode,
    text: String(stdout),
    of: (check: string) => found.find((f) => f.check === check),
  }
}

describe('opencode-runtime doctor', () => {
  it('accepts the real binary, a tested version and a model, and leaves nothing behind', async () => {
    const model = await startScriptedModel([], { apiKey: key })
    onTestFinished(() => model.stop())
    const [home, temporary] = [tempHome(), tempHome()]
    const flags = ['--home', home, '--proxy', model.baseURL, '--binary', binary]
    const { of, text } = await doctor(flags, { env: { OPENCODE_RUNTIME_API_KEY: key, TMPDIR: temporary } })
    const { status, finding = '' } = of('version') ?? {}
    expect({ status, finding }).toEqual({
      status: 'ok',
      finding: expect.stringMatching(/^opencode \d/) as string,
    })
    expect(judgeVersion(finding.replace('opencode ', ''))).toBe('supported')
    expect(of('proxy')?.status).toBe('ok')
    expect(text).not.toContain(key)
    expect([readdirSync(home), readdirSync(temporary)]).toEqual([[], []])
    await expectNothingLeft(home)
  })

  it('names the host of a home whose server runs, and does not disturb the server', async () => {
    const { home, server, close } = await realServer([])
    onTestFinished(close)
    await server.ensureRunning()
    const { pid } = server
    const running = await doctor(['--home', home, '--binary', binary])
    expect(running.exitCode).toBe(1)
    expect(running.of('lock')).toMatchObject({ status: 'failure' })
    expect(running.of('lock')?.finding).toContain(`in use by process ${process.pid} on `)
    expect(running.of('orphan')).toMatchObject({
      status: 'ok',
      finding: `the server (process ${pid}) runs under its host (process ${process.pid})`,
    })
    expect({ pid: server.pid, isRunning: server.isRunning() }).toEqual({ pid, isRunning: true })
    expect(running.text).not.toContain(server.password)
    await server.stop()
    const stopped = await doctor(['--home', home, '--binary', binary])
    expect([stopped.of('lock')?.status, stopped.of('orphan')?.finding]).toEqual([
      'ok',
      'no orphaned server in the home',
    ])
  })

  it('prints lines, without colours if stdout is not a terminal', async () => {
    const { stdout, exitCode } = await execa(
      'node',
      [cli, 'doctor', '--proxy', 'x', '--binary', '/no/such'],
      {
        reject: false,
      },
    )
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /^✖ binary: --binary names "\/no\/such", which does not exist\.\n {2}→ Give an executable /m,
    )
    expect(stdout).not.toContain('\u001b')
  })

  it.runIf(process.getuid?.() === 0 && canBeEntered(modules))('reports files of another user', async () => {
    chmodSync(dirname(dirname(cli)), 0o755)
    const nobody = { uid: 65_534, gid: 65_534, cwd: '/' }
    const ours = mkdtempSync(join(tmpdir(), 'opencode-runtime-doctor-'))
    onTestFinished(() => rmSync(ours, { recursive: true }))
    const at = (home: string) => doctor(['--home', home, '--binary', '/no/such'], nobody)
    const hidden = await at(join(ours, 'home'))
    expect(hidden.exitCode).toBe(1)
    expect(hidden.of('home')?.finding).toMatch(/cannot be accessed \(EACCES\)/)
    expect(hidden.of('modes')?.status).toBe('skipped')
    chmodSync(ours, 0o755)
    expect((await at(join(ours, 'home'))).of('home')?.finding).toMatch(/cannot be created in .*\(EACCES\)/)
    expect((await at(ours)).of('home')?.finding).toMatch(/cannot be written$/)
    const directory = await doctor(['--directory', ours], nobody)
    expect(directory.of('directory')?.status).toBe('warning')
  })
})
