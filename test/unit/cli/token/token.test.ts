import { chmodSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { main } from '../../../../src/cli/program.ts'
import { Std } from '../../../../src/cli/std.ts'
import { Authority } from '../../../../src/gateway/access/authority.ts'
import { changeTokens, readTokens, tokensFile } from '../../../../src/gateway/access/token-file.ts'
import { hashOf } from '../../../../src/gateway/access/token-record.ts'
import { brokenSink, keptStd, systemError, textSink } from '../../../support/cli-streams.ts'
import { tempHome } from '../../../support/home.ts'
import { requestWith, tokenFor, writeTokens } from '../../../support/tokens.ts'

async function run(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'token', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

describe('token create', () => {
  it('writes the token to stdout, alone and once, and its hash to a private file', async () => {
    const dataDir = tempHome()
    const { code, stdout, stderr } = await run('create', '--data-dir', dataDir)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ort_[\w-]{43}\n$/)
    const text = readFileSync(tokensFile(dataDir), 'utf8')
    const [record] = readTokens(dataDir)
    expect(record).toEqual({
      id: expect.stringMatching(/^t_[\da-f]{12}$/) as string,
      hash: hashOf(stdout.trim()),
      scopes: ['read', 'turn', 'approve', 'admin'],
    })
    expect(text + stderr).not.toContain(stdout.trim().slice(4, 14))
    expect(stderr).toBe(
      `note: no fleet has used ${dataDir} yet; the token is for a gateway with this data_dir\n` +
        `token ${record?.id ?? ''} may read, turn, approve, admin for all agents; it is shown only now\n`,
    )
    expect((await run('create', '--data-dir', dataDir)).stderr).not.toContain('note:')
    expect(statSync(tokensFile(dataDir)).mode & 0o777).toBe(0o600)
    const authority = new Authority({ dataDir })
    expect(authority.authenticate(requestWith({ authorization: `Bearer ${stdout.trim()}` })).tokenId).toBe(
      record?.id,
    )
  })

  it('limits the token to scopes, agents, a tenant and a time', async () => {
    const dataDir = join(tempHome(), 'new')
    const grant = ['--scope', 'turn', '--scope', 'read', '--agent', 'a1', '--agent', 'a2', '--tenant', 'acme']
    const { stdout } = await run(
      'create',
      '--data-dir',
      dataDir,
      ...grant,
      '--expires',
      '2100-01-31',
      '--id',
      'ci',
      '--json',
    )
    const { token, ...rest } = JSON.parse(stdout) as { token: string }
    const shown = {
      id: 'ci',
      scopes: ['read', 'turn'],
      agents: ['a1', 'a2'],
      tenant: 'acme',
      expires_at: '2100-01-31T00:00:00.000Z',
    }
    expect(rest).toEqual(shown)
    expect(readTokens(dataDir)).toEqual([{ ...shown, hash: hashOf(token) }])
  })

  it('takes a duration from now', async () => {
    const dataDir = tempHome()
    const before = Date.now()
    await run('create', '--data-dir', dataDir, '--expires', '90d')
    const at = Date.parse(readTokens(dataDir)[0]?.expires_at ?? '') - 90 * 86_400_000
    expect(at).toBeGreaterThanOrEqual(before)
    expect(at).toBeLessThanOrEqual(Date.now())
  })

  it.each([
    [['--scope', 'trun'], /--scope: expected read, turn, approve, admin, got "trun" \(did you mean turn\?\)/],
    [['--agent', 'A1'], /--agent: expected 1 to 63 characters a-z, 0-9, _ and -, got "A1"/],
    [['--tenant', '.fleet'], /--tenant: expected/],
    [['--expires', 'soon'], /--expires: expected a duration such as 90d/],
    [['--expires', '2020-01-01'], /--expires: "2020-01-01" has passed: give a later time/],
    [['--id', '../x'], /--id: expected/],
    [['--id', 'used'], /--id: there is a token used: revoke it first/],
    [['--scopes', 'read'], /unknown option '--scopes'/],
  ])('refuses %j, and creates nothing', async (flags, message) => {
    const dataDir = tempHome()
    writeTokens(dataDir, [tokenFor({ id: 'used' }).record])
    const { code, stdout, stderr } = await run('create', '--data-dir', dataDir, ...flags)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(readTokens(dataDir)).toHaveLength(1)
  })

  it('refuses a damaged file, and leaves it as it is', async () => {
    const dataDir = tempHome()
    writeTokens(dataDir, [])
    writeFileSync(tokensFile(dataDir), '{')
    expect(await run('create', '--data-dir', dataDir)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/tokens\.json is damaged/) as string,
    })
    expect(readFileSync(tokensFile(dataDir), 'utf8')).toBe('{')
  })

  it('exits with 5 if the token cannot be written', async () => {
    const err = textSink()
    const std = new Std(brokenSink(systemError('ENOSPC', -28)), err)
    const code = await main(['node', 'opencode-runtime', 'token', 'create', '--data-dir', tempHome()], std)
    expect([code, err.text()]).toEqual([
      5,
      expect.stringContaining('the token could not be written to stdout'),
    ])
  })

  it('loses no token if several commands run at the same time, and leaves no lock', async () => {
    const dataDir = tempHome()
    const codes = await Promise.all(Array.from({ length: 8 }, () => run('create', '--data-dir', dataDir)))
    expect(codes.map(({ code }) => code)).toEqual(codes.map(() => 0))
    expect(readTokens(dataDir)).toHaveLength(8)
    await changeTokens(dataDir, () => [])
    expect(readdirSync(join(dataDir, '.fleet')).sort()).toEqual(['tokens.json', 'tokens.lock'])
  })
})

describe('token list', () => {
  it('shows what tokens are for, without their hashes', async () => {
    const dataDir = tempHome()
    const one = tokenFor({ id: 'ci', scopes: ['read', 'turn'], agents: ['a1'], tenant: 'acme' })
    const old = tokenFor({ id: 'old', expiresAt: '2020-01-01T00:00:00Z' })
    writeTokens(dataDir, [one.record, old.record])
    const { code, stdout } = await run('list', '--data-dir', dataDir)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^id +scopes +expires +for\nci +read,turn +never +a1 in the tenant acme\nold +.* expired +all agents\n$/,
    )
    const listed = await run('list', '--data-dir', dataDir, '--json')
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { id: 'ci', agents: ['a1'], tenant: 'acme' },
      { id: 'old' },
    ])
    expect(stdout + listed.stdout).not.toMatch(/sha256|[\da-f]{32}/)
  })

  it('says how to create the first token', async () => {
    const dataDir = tempHome()
    expect(await run('list', '--data-dir', dataDir)).toEqual({
      code: 0,
      stdout: '',
      stderr: `no tokens: create one with opencode-runtime token create --data-dir ${dataDir}\n`,
    })
    expect((await run('list', '--data-dir', dataDir, '--json')).stdout).toBe('[]\n')
  })

  it('refuses a folder that does not exist', async () => {
    const dataDir = tempHome()
    rmSync(dataDir, { recursive: true })
    for (const command of [['list'], ['revoke', 'a']])
      expect(await run(...command, '--data-dir', dataDir)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/there is no folder/) as string,
      })
  })

  it.skipIf(process.getuid?.() === 0)('names the remedy for a file of another user', async () => {
    const dataDir = tempHome()
    writeTokens(dataDir, [])
    chmodSync(tokensFile(dataDir), 0)
    expect(await run('list', '--data-dir', dataDir)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/as the user of the fleet/) as string,
    })
  })
})

describe('token revoke', () => {
  it('removes tokens, all or none of them', async () => {
    const dataDir = tempHome()
    writeTokens(
      dataDir,
      ['build-server', 'b', 'c'].map((id) => tokenFor({ id }).record),
    )
    const wrong = await run('revoke', 'b', 'build-srever', '--data-dir', dataDir)
    expect(wrong).toMatchObject({
      code: 2,
      stderr: 'error: there is no token "build-srever" (did you mean build-server?)\n',
    })
    expect(readTokens(dataDir)).toHaveLength(3)
    const { code, stdout, stderr } = await run('revoke', 'b', 'build-server', '--data-dir', dataDir)
    expect([code, stdout, stderr]).toEqual([0, '', 'token b is revoked\ntoken build-server is revoked\n'])
    expect(readTokens(dataDir).map(({ id }) => id)).toEqual(['c'])
    expect((await run('revoke', 'c', '--data-dir', dataDir, '--json')).stdout).toBe('{"revoked":["c"]}\n')
  })
})
