import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findPython } from '../../../test/support/python.ts'
import { skipBanner } from '../../../test/support/python-venv.ts'
import { expectNothingLeftOf } from '../../../test/support/fleet.ts'
import { startFakeGateway } from './fake-gateway.mjs'

const folder = fileURLToPath(new URL('..', import.meta.url))
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

  const run = (...args: string[]) =>
    execa(python ?? '', ['-B', '-W', 'error::ResourceWarning', ...args], {
      cwd: folder,
      env: { OPENCODE_GATEWAY_URL: gateway.url, OPENCODE_GATEWAY_TOKEN: gateway.token },
      reject: false,
      all: true,
    })

  it('pass their tests, none left out', async () => {
    const { exitCode, all } = await run('-m', 'unittest')
    expect(exitCode, all).toBe(0)
    expect(all).not.toContain('skipped')
    expect(Number(/^Ran (\d+) tests/m.exec(all)?.[1])).toBeGreaterThan(40)
  }, 180_000)
})
