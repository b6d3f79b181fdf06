import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempHome } from '../../../support/home.ts'
import { runNatsConfig } from '../../../support/nats-config.ts'

describe('cluster nats-config', () => {
  it('writes the configuration to stdout, and the seed of each user to a private file', async () => {
    const keys = join(tempHome(), 'keys')
    const { code, stdout, stderr } = await runNatsConfig('--name', 'prod', '--keys', keys, '--tenant', 'acme')
    expect(code).toBe(0)
    for (const user of ['hosts', 'callers', 'tenant-acme']) {
      const file = join(keys, `${user}.nk`)
      const seed = readFileSync(file, 'utf8')
      expect(seed).toMatch(/^SU[A-Z2-7]{56}$/)
      expect(stdout + stderr).not.toContain(seed)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(stderr).toContain(`new secret: ${file}\n`)
    }
    expect(stdout.match(/nkey: U[A-Z2-7]{55}$|nkey: U[A-Z2-7]{55} /gm)).toHaveLength(3)
    expect(stdout).toContain('listen: "127.0.0.1:4222"')
    expect(stdout).not.toMatch(/tls|cipher|cluster \{/)
    expect(stderr).toContain('without --tls-cert and --tls-key, prompts travel unencrypted')
  })

  it('keeps the keys that exist, so that a tenant can be added', async () => {
    const keys = join(tempHome(), 'keys')
    const first = await runNatsConfig('--name', 'prod', '--keys', keys)
    const second = await runNatsConfig(
      '--name',
      'prod',
      '--keys',
      keys,
      '--tenant',
      'acme',
      '--tenant',
      'acme',
    )
    const nkeysOf = (text: string) => text.match(/U[A-Z2-7]{55}/g) ?? []
    expect(nkeysOf(second.stdout).slice(0, 2)).toEqual(nkeysOf(first.stdout))
    expect(nkeysOf(second.stdout)).toHaveLength(3)
    expect(second.stderr).not.toContain('hosts.nk')
  })

  it('names the keys that NATS will refuse, because their tenants were not named again', async () => {
    const keys = join(tempHome(), 'keys')
    const own = ['--name', 'prod', '--keys', keys, '--tenant', 'acme']
    expect((await runNatsConfig(...own, '--tenant', 'beta')).stderr).not.toContain('not in this')
    const { stderr } = await runNatsConfig(...own)
    expect(stderr).toContain(`not in this configuration: ${join(keys, 'tenant-beta.nk')};`)
    expect(stderr).not.toMatch(/hosts\.nk|callers\.nk|acme/)
  })

  it('gives each host a key of its own where hosts are named', async () => {
    const keys = join(tempHome(), 'keys')
    await runNatsConfig('--name', 'prod', '--keys', keys, '--host', 'h1', '--host', 'h2')
    expect(['host-h1', 'host-h2', 'hosts'].map((user) => existsSync(join(keys, `${user}.nk`)))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('writes a private file with --out, which replaces an older one', async () => {
    const folder = tempHome()
    const [keys, out] = [join(folder, 'keys'), join(folder, 'nats.conf')]
    writeFileSync(out, 'old', { mode: 0o644 })
    const routes = ['--server-name', 'n1', '--route-listen', '0.0.0.0:6222', '--route', 'n2:6222']
    const { code, stdout } = await runNatsConfig('--name', 'prod', '--keys', keys, '--out', out, ...routes)
    expect([code, stdout]).toEqual([0, ''])
    const password = readFileSync(join(keys, 'routes.password'), 'utf8')
    expect(readFileSync(out, 'utf8')).toContain(`"nats://route:${password}@n2:6222"`)
    expect(statSync(out).mode & 0o777).toBe(0o600)
  })

  it('takes the key of the store from the environment of the server', async () => {
    const keys = join(tempHome(), 'keys')
    const { stdout, stderr } = await runNatsConfig('--name', 'prod', '--keys', keys, '--cipher', 'aes')
    const [, key = ''] =
      /^NATS_STORE_KEY=(k[\da-f]{64})\n$/.exec(readFileSync(join(keys, 'store.env'), 'utf8')) ?? []
    expect(key).not.toBe('')
    expect(stdout).toContain('cipher: aes\n')
    expect(stdout).toContain('key: $NATS_STORE_KEY\n')
    expect(stdout + stderr).not.toContain(key)
    expect(stderr).toContain('without this key, what is stored is lost')
  })

  it.each([
    [['--name', 'my prod'], '--name: expected 1 to 32 letters, digits, _ or -, got "my prod"'],
    [
      ['--name', 'p', '--tenant', 'a.*'],
      '--tenant: expected 1 to 63 characters a-z, 0-9, _ and -, got "a.*"',
    ],
    [['--name', 'p', '--host', '>'], '--host: expected 1 to 64 letters, digits, _ or -, got ">"'],
    [['--name', 'p', '--route', 'n2'], '--route: expected host:port of another server, got "n2"'],
    [['--name', 'p', '--route', 'n2:6222'], 'several servers need --server-name'],
    [['--name', 'p', '--tls-cert', 'cert.pem'], 'TLS needs --tls-cert and --tls-key'],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await runNatsConfig('--keys', join(tempHome(), 'keys'), ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
  })

  it('refuses a key file that holds no seed', async () => {
    const keys = tempHome()
    writeFileSync(join(keys, 'hosts.nk'), 'no seed')
    const { code, stderr } = await runNatsConfig('--name', 'prod', '--keys', keys)
    expect(code).toBe(2)
    expect(stderr).toMatch(/hosts\.nk holds no seed of a user of NATS .*: delete the file/)
  })
})
