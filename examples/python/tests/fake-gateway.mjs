// Serves agents on a fake opencode over HTTP, for the tests in Python.
// node fake-gateway.mjs: prints { url, token } as one line, and ends with its standard input.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'
import { Fleet } from 'opencode-runtime'
import { createGateway } from 'opencode-runtime/gateway'
import { fakeOpenCode } from 'opencode-runtime/testing'

/** Starts a gateway with the agent `alice`. Its token has all scopes. */
export async function startFakeGateway() {
  const dataDir = await mkdtemp(join(tmpdir(), 'python-gateway-'))
  const fake = await fakeOpenCode()
  const fleet = new Fleet({
    dataDir,
    defaults: {
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
      models: ['gpt-4o'],
      binary: fake.binary,
    },
  })
  await fleet.apply([{ id: 'alice' }])
  const token = randomBytes(24).toString('base64url')
  const hash = /** @type {const} */ (`sha256:${createHash('sha256').update(token).digest('hex')}`)
  const gateway = createGateway({
    fleet,
    tokens: [{ id: 'tests', hash, scopes: ['read', 'turn', 'approve', 'admin'] }],
    maxBodyBytes: 65_536,
  })
  await gateway.ready
  /** @type {import('@hono/node-server').ServerType | undefined} */
  let server
  const port = await new Promise((resolve) => {
    const address = { hostname: '127.0.0.1', port: 0 }
    server = serve({ ...address, fetch: gateway.fetch }, (info) => resolve(info.port))
  })
  const close = async () => {
    await gateway.close()
    await fleet.close()
    await new Promise((resolve) => server?.close(resolve))
    await fake.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  return { url: `http://127.0.0.1:${port}`, token, dataDir, close }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { url, token, close } = await startFakeGateway()
  console.log(JSON.stringify({ url, token }))
  await once(process.stdin.resume(), 'end')
  await close()
}
