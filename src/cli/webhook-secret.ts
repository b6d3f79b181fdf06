import { existsSync } from 'node:fs'
import { InvalidOptionsError } from '../errors.ts'
import { requireOwner } from '../io/fleet/folder-lock.ts'
import { replaceWebhookSecret, webhookSecretFile, webhookSecrets } from '../io/fleet/webhook-secrets.ts'
import { errnoOf } from '../io/host/host-fault.ts'
import { messageOf } from '../util/messages.ts'
import { exitCode, UsageError } from './exit-codes.ts'
import { pathFrom, type WebhookSecretFlags } from './flags.ts'
import type { Std } from './std.ts'

/**
 * Runs `opencode-runtime webhook-secret`: writes the secret that signs a fleet's webhooks to stdout, alone. The first call
 * makes the secret. Resolves with the exit code.
 *
 * @throws UsageError for a folder that does not exist, and for a file that cannot be used
 */
export async function webhookSecret(flags: WebhookSecretFlags, std: Std): Promise<number> {
  const dataDir = pathFrom('--data-dir', flags.dataDir)
  if (!existsSync(dataDir))
    throw new UsageError(`--data-dir: there is no folder ${dataDir}: give the dataDir of a Fleet`)
  const isReplaced = flags.replace === true
  const [secret = '', former] = await orUsageError(dataDir, async () => {
    requireOwner(dataDir)
    return isReplaced ? replaceWebhookSecret(dataDir) : webhookSecrets(dataDir)
  })
  std.content = 'the secret'
  await std.out.write(`${secret}\n`)
  if (isReplaced && former !== undefined)
    await std.err.write('calls are signed with the new and the former secret, until the next --replace\n')
  return exitCode.final
}

/** Runs an access to the file; a file that cannot be read or changed is an error of usage. */
async function orUsageError<T>(dataDir: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw new UsageError(error.message)
    const isForbidden = ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')
    const advice = isForbidden ? '; run this command as the user of the fleet' : ''
    throw new UsageError(`${webhookSecretFile(dataDir)} cannot be used: ${messageOf(error)}${advice}`)
  }
}
