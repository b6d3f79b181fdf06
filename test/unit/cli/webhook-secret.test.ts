import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { main } from '../../../src/cli/program.ts'
import { webhookSecretFile, webhookSecrets } from '../../../src/io/fleet/webhook-secrets.ts'
import { keptStd } from '../../support/cli-streams.ts'
import { tempHome } from '../../support/home.ts'

async function run(...args: string[]) {
  const { std, stdout, stderr } = keptStd()
  const code = await main(['node', 'opencode-runtime', 'webhook-secret', ...args], std)
  return { code, stdout: stdout(), stderr: stderr() }
}

it('webhook-secret writes the secret to stdout, alone, the same each time', async () => {
  const dataDir = tempHome()
  const { code, stdout, stderr } = await run('--data-dir', dataDir)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(await webhookSecrets(dataDir)).toEqual([stdout.trim()])
  expect((await run('--data-dir', dataDir)).stdout).toBe(stdout)
})

it('webhook-secret --replace writes a new secret, and says that the former one signs too', async () => {
  const dataDir = tempHome()
  const { stdout: first } = await run('--data-dir', dataDir)
  const { code, stdout, stderr } = await run('--data-dir', dataDir, '--replace')
  expect(code).toBe(0)
  expect(stderr).toContain('signed with the new and the former secret')
  expect(await webhookSecrets(dataDir)).toEqual([stdout.trim(), first.trim()])
})

it('webhook-secret refuses a folder that does not exist, and a damaged file', async () => {
  const dataDir = tempHome()
  expect(await run('--data-dir', join(dataDir, 'none'))).toMatchObject({
    ...{ code: 2, stdout: '' },
    stderr: expect.stringContaining('there is no folder') as string,
  })
  mkdirSync(dirname(webhookSecretFile(dataDir)))
  writeFileSync(webhookSecretFile(dataDir), 'canary')
  const { code, stdout, stderr } = await run('--data-dir', dataDir)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^error: webhooks\.json is damaged/)
  expect(stderr).not.toContain('canary')
})
