import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { OpenCodeServer } from '../../src/index.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { describeConformance } from '../conformance/suite.ts'
import { script } from '../conformance/script.ts'
import { expectNothingLeft } from '../support/home.ts'

async function fakeServer() {
  const home = mkdtempSync(join(tmpdir(), 'opencode-runtime-fake-'))
  const fake = await fakeOpenCode({}, { script })
  const server = new OpenCodeServer({
    home,
    binary: fake.binary,
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
    models: ['gpt-4o'],
    maxRestarts: 10,
    backoffInitialMs: 10,
    onPermission: () => ({ reject: 'Not here.' }),
  })
  const close = async (): Promise<void> => {
    await server.close()
    await fake.stop()
    await expectNothingLeft(home)
    rmSync(home, { recursive: true, force: true })
  }
  return { home, server, close }
}

describe('the fake opencode, compared with the real opencode', () => {
  describeConformance(fakeServer)
})
