import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from '@nats-io/transport-node'
import getPort from 'get-port'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { hasOpenssl, makeCertificates } from '../support/certificates.ts'
import { writeNatsConfig } from '../support/nats-config.ts'
import { NatsServer } from '../support/nats-server.ts'
import { skipBanner } from '../support/python-venv.ts'

const binary = inject('natsServer')
const canCertify = await hasOpenssl()
if (!canCertify)
  console.warn(skipBanner('the test of TLS with NATS', 'there is no openssl on this machine', 'openssl'))

const agent = { tenant: 'acme', agentId: 'a1' }
const prompt = 'a prompt that nobody else must read'

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  return folder
}

async function start(config: string, env?: Record<string, string>): Promise<NatsServer> {
  const server = await NatsServer.start(binary ?? '', { config, ...(env && { env }) })
  onTestFinished(() => server.stop())
  return server
}

/** Returns the text of all files of a folder. */
const textIn = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')

describe.skipIf(binary === null)('nats-server with the configuration of nats-config', () => {
  it.skipIf(!canCertify)('speaks TLS with clients that have a certificate, and with no others', async () => {
    const folder = tempFolder()
    const path = await makeCertificates(folder, 'server', 'host')
    const name = randomUUID().slice(0, 8)
    const tls = [
      '--tls-cert',
      path('server.pem'),
      '--tls-key',
      path('server.key'),
      '--tls-ca',
      path('ca.pem'),
    ]
    const { config, credentials } = await writeNatsConfig(folder, name, ...tls)
    const server = await start(config)
    const client = { caFile: path('ca.pem'), certFile: path('host.pem'), keyFile: path('host.key') }
    const servers = `localhost:${server.port}`
    const connect = () => server.connect({ ...credentials('hosts'), servers, tls: client })
    const store = await openNatsStore({ name, connect, mayProvision: true })
    onTestFinished(() => store.close())
    await store.inbox.add(agent, 't1', { type: 'turn', turn: {} })
    expect(await store.inbox.next(agent, 0)).toMatchObject({ turnId: 't1' })
    const once = { ...credentials('hosts'), servers, maxReconnectAttempts: 0, timeout: 1_000 }
    // Without a certificate, and without the authority of the server.
    await expect(server.connect({ ...once, tls: { caFile: path('ca.pem') } })).rejects.toThrow()
    await expect(
      server.connect({ ...once, tls: { certFile: path('host.pem'), keyFile: path('host.key') } }),
    ).rejects.toThrow(/certificate/)
  })

  it.each([
    ['plain without --cipher', undefined, true],
    ['encrypted with --cipher aes', 'aes', false],
    ['encrypted with --cipher chachapoly', 'chachapoly', false],
  ])('stores prompts %s', async (_what, cipher, isPlain) => {
    const folder = tempFolder()
    const name = randomUUID().slice(0, 8)
    const more = cipher === undefined ? [] : ['--cipher', cipher]
    const { config, credentials } = await writeNatsConfig(folder, name, ...more)
    const [variable = '', key = ''] =
      cipher === undefined ? [] : readFileSync(join(folder, 'keys/store.env'), 'utf8').trim().split('=')
    const server = await start(config, { [variable]: key })
    const connect = () => server.connect(credentials('hosts'))
    const store = await openNatsStore({ name, connect, mayProvision: true })
    await store.inbox.add(agent, 't1', { type: 'turn', turn: { input: { text: prompt } } })
    await store.records.append(agent, 't1', { epoch: 1, first: 1, records: [prompt] }, 0)
    await store.close()
    await server.kill()
    expect(textIn(server.folder).includes(prompt)).toBe(isPlain)
    await server.resume()
    const again = await openNatsStore({ name, connect, mayProvision: true })
    onTestFinished(() => again.close())
    expect(await again.inbox.next(agent, 0)).toMatchObject({ message: { turn: { input: { text: prompt } } } })
  })

  it('takes a new tenant, and refuses a key that was replaced, when it reads its configuration again', async () => {
    const folder = tempFolder()
    const name = randomUUID().slice(0, 8)
    const first = await writeNatsConfig(folder, name, '--tenant', 'acme')
    const server = await start(first.config)
    const [hosts, acme] = [first.credentials('hosts'), first.credentials('tenant-acme')]
    const [host, caller] = [await server.connect(hosts), await server.connect(acme)]
    onTestFinished(() => host.close())
    const hostClient = host.info?.client_id
    rmSync(join(folder, 'keys/tenant-acme.nk'))
    const { credentials } = await writeNatsConfig(folder, name, '--tenant', 'acme', '--tenant', 'beta')
    server.reload()
    // A client whose key was refused twice gives up.
    expect(await caller.closed()).toMatchObject({
      message: expect.stringMatching(/authorization/i) as string,
    })
    const once = { maxReconnectAttempts: 0 }
    await expect(server.connect({ ...acme, ...once })).rejects.toThrow(/authorization/i)
    for (const user of ['tenant-acme', 'tenant-beta'])
      await (await server.connect({ ...credentials(user), ...once })).close()
    await host.flush()
    // The connections of others have stayed.
    expect(host.info?.client_id).toBe(hostClient)
  })

  it.skipIf(!canCertify)('is one of three that keep each message, over TLS', async () => {
    const folder = tempFolder()
    const name = randomUUID().slice(0, 8)
    const ids = ['n1', 'n2', 'n3']
    const path = await makeCertificates(folder, 'server')
    const tls = [
      '--tls-cert',
      path('server.pem'),
      '--tls-key',
      path('server.key'),
      '--route-ca',
      path('ca.pem'),
    ]
    const ports = await Promise.all(ids.map(() => getPort({ host: '127.0.0.1' })))
    let asHost: ConnectionOptions = {}
    for (const [i, id] of ids.entries()) {
      const others = ports.filter((_, j) => j !== i).flatMap((port) => ['--route', `localhost:${port}`])
      const own = ['--server-name', id, '--route-listen', `127.0.0.1:${ports[i] ?? 0}`]
      const { credentials } = await writeNatsConfig(
        folder,
        name,
        ...own,
        ...others,
        ...tls,
        '--out',
        join(folder, id),
      )
      asHost = credentials('hosts')
    }
    const servers = await Promise.all(ids.map((id) => start(join(folder, id))))
    const addresses = servers.map(({ port }) => `localhost:${port}`)
    const open = () =>
      openNatsStore({
        name,
        connect: () =>
          connect({
            ...asHost,
            servers: addresses,
            tls: { caFile: path('ca.pem') },
            maxReconnectAttempts: -1,
          }),
        replicas: 3,
        mayProvision: true,
      })
    const store = await vi.waitFor(open, { timeout: 30_000, interval: 200 })
    onTestFinished(() => store.close())
    await store.inbox.add(agent, 't1', { type: 'turn', turn: {} })
    expect(await store.inbox.next(agent, 0)).toMatchObject({ turnId: 't1' })
  })
})
