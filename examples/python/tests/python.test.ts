import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { findPython } from '../../../test/support/python.ts'
import { skipBanner } from '../../../test/support/python-venv.ts'
import { expectNothingLeftOf } from '../../../test/support/fleet.ts'
import { startFakeGateway } from './fake-gateway.mjs'

const folder = fileURLToPath(new URL('..', import.meta.url))

/** Python blocks of the docs, each with its page and line. */
const blocks = ['docs/guides/gateway.md', 'docs/guides/python.md'].flatMap((page) => {
  const text = readFileSync(join(folder, '../..', page), 'utf8')
  return [...text.matchAll(/^```python\n([^]*?)^```$/gm)].map(({ index, 1: code = '' }) => {
    const line = text.slice(0, index).split('\n').length
    return { place: `${page}:${line}`, code }
  })
})

const python = await findPython()
if (python === undefined && process.env['CI'] !== undefined)
  throw new Error('CI needs python3, for the tests of examples/python')
if (python === undefined)
  console.warn(skipBanner('the tests of examples/python', 'no python3', 'Python 3.9 or newer'))

describe.skipIf(python === undefined)('the programs of examples/python', () => {
  let gateway: Awaited<ReturnType<typeof startFakeGateway>>
  beforeAll(async () => {
    gateway = await startFakeGateway()
  })
  afterAll(async () => {
    await gateway.close()
    await expectNothingLeftOf(gateway.dataDir)
  })

  const run = (args: readonly string[], cwd = folder) =>
    execa(python ?? '', ['-B', '-W', 'always::ResourceWarning', ...args], {
      cwd,
      env: {
        PYTHONPATH: folder,
        OPENCODE_GATEWAY_URL: gateway.url,
        OPENCODE_GATEWAY_TOKEN: gateway.token,
      },
      reject: false,
      all: true,
    })

  it('pass their tests, none left out, and close their connections', async () => {
    const { exitCode, all } = await run(['-m', 'unittest'])
    expect(exitCode, all).toBe(0)
    expect(all).not.toMatch(/skipped|ResourceWarning/)
    expect(Number(/^Ran (\d+) tests/m.exec(all)?.[1])).toBeGreaterThan(50)
  }, 180_000)

  it('run as their README says', async () => {
    const [chat, host] = [await run(['chat.py', 'alice', 'permission']), await run(['host.py', 'alice'])]
    expect(chat).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('[allowed: ') as string })
    expect(chat.stdout).toMatch(/tokens\]$/)
    expect(host).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("'kind': 'final'") as string })
    expect(chat.stderr + host.stderr).toBe('')
  })

  it.each(blocks)('are used as at $place', async ({ code }) => {
    const cwd = await mkdtemp(join(tmpdir(), 'python-block-'))
    onTestFinished(() => rm(cwd, { recursive: true }))
    expect(await run(['-c', code], cwd)).toMatchObject({ exitCode: 0, stderr: '' })
  })
})
