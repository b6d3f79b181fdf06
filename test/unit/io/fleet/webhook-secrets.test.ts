import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import {
  replaceWebhookSecret,
  webhookSecretFile,
  webhookSecrets,
} from '../../../../src/io/fleet/webhook-secrets.ts'
import { tempHome } from '../../../support/home.ts'

/** Returns a data folder whose file has a content. */
function withFile(text: string): string {
  const dataDir = tempHome()
  mkdirSync(dirname(webhookSecretFile(dataDir)))
  writeFileSync(webhookSecretFile(dataDir), text)
  return dataDir
}

describe('webhookSecrets', () => {
  it('makes a secret once, in a private file', async () => {
    const dataDir = tempHome()
    const all = await Promise.all([webhookSecrets(dataDir), webhookSecrets(dataDir), webhookSecrets(dataDir)])
    expect(all[0]).toEqual([expect.stringMatching(/^whsec_[\w-]{43}$/)])
    expect(new Set(all.flat()).size).toBe(1)
    expect(await webhookSecrets(dataDir)).toEqual(all[0])
    expect(statSync(webhookSecretFile(dataDir)).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(webhookSecretFile(dataDir))).mode & 0o777).toBe(0o700)
  })

  it('keeps the former secret until the next replacement', async () => {
    const dataDir = tempHome()
    const [first = ''] = await webhookSecrets(dataDir)
    const [second = '', former] = await replaceWebhookSecret(dataDir)
    expect(former).toBe(first)
    expect(second).not.toBe(first)
    expect(await webhookSecrets(dataDir)).toEqual([second, first])
    const [third] = await replaceWebhookSecret(dataDir)
    expect(await webhookSecrets(dataDir)).toEqual([third, second])
  })

  it.each([
    ['a damaged file', '{"format":1,"secrets":["whsec_canary', /^webhooks\.json is damaged/],
    ['a secret of another kind', '{"format":1,"secrets":[7]}', /^webhooks\.json is damaged/],
    ['a newer format', '{"format":2,"secrets":["whsec_canary"]}', /format 2 of a newer version/],
  ])('refuses %s, without showing or changing its content', async (_what, text, message) => {
    const dataDir = withFile(text)
    const refused = await webhookSecrets(dataDir).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(InvalidOptionsError)
    expect((refused as Error).message).toMatch(message)
    expect((refused as Error).message).not.toContain('canary')
    expect(readFileSync(webhookSecretFile(dataDir), 'utf8')).toBe(text)
  })
})
