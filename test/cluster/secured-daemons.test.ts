import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { nkeyAuthenticator, nkeys, type ConnectionOptions } from '@nats-io/transport-node'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { connectCluster } from '../../src/cluster/index.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { hasOpenssl, makeCertificates } from '../support/certificates.ts'
import { ClusterDaemons } from '../support/cluster-daemons.ts'
import { writeNatsConfig } from '../support/nats-config.ts'
import { makeOperator } from '../support/nats-operator.ts'
import { NatsServer } from '../support/nats-server.ts'
import { skipBanner } from '../support/python-venv.ts'
import type { Daemon } from '../support/serve.ts'

const binary = inject('natsServer')
const canCertify = await hasOpenssl()
if (!canCertify)
  console.warn(skipBanner('the test of daemons on a secured NATS', 'there is no openssl here', 'openssl'))

/** Runs a turn at a gateway, and returns its terminal reply. */
async function ask(daemon: Daemon): Promise<unknown> {
  const answer = await daemon.fetch('/v1/agents/a1/turns?wait=true', { body: { text: 'Hi' } })
  return answer.json()
}

/** Returns the port of a server that accepts connections, and says nothing until the end of the test. */
async function silentPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe.skipIf(binary === null || !canCertify)('A secured cluster', async () => {
  if (binary === null || !canCertify) return
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  const path = await makeCertificates(folder, 'server')
  const name = randomUUID().slice(0, 8)
  const tlsFlags = ['--tls-cert', path('server.pem'), '--tls-key', path('server.key')]
  const writeConfig = () => writeNatsConfig(folder, name, ...tlsFlags, '--tenant', 'acme')
  const { config } = await writeConfig()
  const keyOf = (user: string): string => join(folder, 'keys', `${user}.nk`)
  const server = await NatsServer.start(binary, { config })
  const fake = await fakeOpenCode()
  const file = (name: string) => ({ file: name })
  const tls = { ca: file(path('ca.pem')) }
  const good = { nkey_seed: file(keyOf('hosts')), tls }
  let dist = ''
  /** Makes daemons that end with the test. */
  const daemonsOf = (servers: string, cluster: object): ClusterDaemons => {
    const terms = { cli: join(dist, 'cli.js'), servers, name, leaseMs: 3_000, binary: fake.binary, cluster }
    const daemons = new ClusterDaemons({ ...terms, agents: [{ id: 'a1', tenant: 'acme' }] })
    onTestFinished(() => daemons.end(), 60_000)
    return daemons
  }
  const onSecured = () => daemonsOf(`localhost:${server.port}`, good)

  beforeAll(async () => {
    dist = await buildPackage()
  }, 120_000)
  afterAll(async () => {
    await server.stop()
    await fake.stop()
    for (const left of [folder, dirname(dist)]) rmSync(left, { recursive: true, force: true, maxRetries: 10 })
  }, 60_000)

  it('has daemons that join over TLS with a key, and run turns of each gateway and of the caller of a tenant', async () => {
    const daemons = onSecured()
    const [a, b] = await Promise.all([daemons.start('host-a'), daemons.start('host-b')])
    expect(a.stdout).toContain(`It is the host host-a of the cluster ${name}.`)
    for (const daemon of [a, b]) expect(await ask(daemon)).toMatchObject({ kind: 'final' })
    await a.logs(/cluster: a host is up hostId=host-b/)
    const authenticator = nkeyAuthenticator(readFileSync(keyOf('tenant-acme')))
    const options = { servers: `localhost:${server.port}`, authenticator, tls: { caFile: path('ca.pem') } }
    const connect = () => server.connect(options)
    const caller = await connectCluster({ name, tenant: 'acme', connect })
    onTestFinished(() => caller.close())
    expect(await caller.turn('a1', 'Hi').done).toMatchObject({ kind: 'final' })
    b.kill('SIGTERM')
    expect(await b.ended).toBe(0)
    await a.logs(/cluster: a host is gone hostId=host-b/)
  })

  it('keeps a daemon whose key NATS has refused for a while', async () => {
    const daemons = onSecured()
    const daemon = await daemons.start('host-a')
    const [key, kept] = [keyOf('hosts'), join(folder, 'kept.nk')]
    const isReady = async () => (await daemon.fetch('/readyz')).status
    renameSync(key, kept)
    await writeConfig()
    server.reload()
    await daemon.logs(/cluster: NATS cannot be reached/)
    // By default, the client of NATS gives up at the second refusal.
    await daemon.logs(/(?:Authorization Violation[^]*){2}/)
    expect(await isReady()).toBe(503)
    renameSync(kept, key)
    await writeConfig()
    server.reload()
    await daemon.logs(/cluster: NATS is reached again/)
    await expect.poll(isReady, { timeout: 10_000 }).toBe(200)
    expect(await ask(daemon)).toMatchObject({ kind: 'final' })
  })

  it.each([
    [
      'a key that NATS does not know',
      () => ({ ...good, nkey_seed: file(path('other.nk')) }),
      /hosts\.nk for a host/,
    ],
    [
      'the key of a caller',
      () => ({ ...good, nkey_seed: file(keyOf('callers')) }),
      /a host needs the key hosts\.nk of this cluster/,
    ],
    ['an unknown authority', () => ({ ...good, tls: {} }), /give the authority .* as `ca` of `tls`/],
  ])('lets no daemon start with %s, and says what to do', async (_what, cluster, advice) => {
    const other = new TextDecoder().decode(nkeys.createUser().getSeed())
    writeFileSync(path('other.nk'), other)
    const starting = onSecured().start('host-c', cluster())
    await expect(starting).rejects.toThrow(advice)
    await expect(starting).rejects.toThrow(/^serve ended with 3: /)
    await expect(starting).rejects.not.toThrow(other)
  })

  it('takes a daemon with the credentials of an operator', async () => {
    const { config: trusted, creds } = makeOperator()
    writeFileSync(path('operator.conf'), trusted)
    writeFileSync(path('host.creds'), creds)
    const nats = await NatsServer.start(binary, { config: path('operator.conf') })
    onTestFinished(() => nats.stop())
    const daemons = daemonsOf(`127.0.0.1:${nats.port}`, { creds: file(path('host.creds')) })
    expect(await ask(await daemons.start('host-a'))).toMatchObject({ kind: 'final' })
  })

  it('takes a daemon with a user and a password, and none with another password', async () => {
    writeFileSync(path('users.conf'), 'jetstream {}\nauthorization { user: host, password: secret }\n')
    const nats = await NatsServer.start(binary, { config: path('users.conf') })
    onTestFinished(() => nats.stop())
    const daemons = daemonsOf(`127.0.0.1:${nats.port}`, { user: 'host', password: 'secret' })
    expect(await ask(await daemons.start('host-a'))).toMatchObject({ kind: 'final' })
    const wrong = daemons.start('host-b', { user: 'host', password: 'other' })
    await expect(wrong).rejects.toThrow(/Authorization Violation: give the credentials of a user of NATS/)
  })

  it.each<[what: string, options: () => Promise<ConnectionOptions> | ConnectionOptions, advice: RegExp]>([
    [
      'the key of a tenant, and no tenant',
      () => ({ authenticator: nkeyAuthenticator(readFileSync(keyOf('tenant-acme'))) }),
      /as the option `tenant`/,
    ],
    [
      'the public half of a key',
      () => ({ authenticator: nkeyAuthenticator(Buffer.from('UABC')) }),
      /begins with SU/,
    ],
    [
      'an address that no server has',
      async () => ({ servers: `localhost:${await getPort({ host: '127.0.0.1' })}` }),
      /connection refused: is nats-server running/,
    ],
    [
      'the address of a server that says nothing',
      async () => ({ servers: `127.0.0.1:${await silentPort()}`, timeout: 200 }),
      /does not answer as NATS does/,
    ],
  ])('refuses a caller with %s, and says what to do', async (_what, options, advice) => {
    const usual = { servers: `localhost:${server.port}`, tls: { caFile: path('ca.pem') } }
    const given = { ...usual, maxReconnectAttempts: 0, ...(await options()) }
    await expect(connectCluster({ name, connect: () => server.connect(given) })).rejects.toThrow(advice)
  })
})
