import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidOptionsError } from '../../errors.ts'
import { errnoOf } from '../host/host-fault.ts'
import { replaceFile } from '../home/private-file.ts'
import { fleetFolder } from './fleet-folder.ts'
import { whileLocked } from './folder-lock.ts'

/** Returns the path of the file with the secrets that sign a fleet's webhooks. It is outside every home. */
export const webhookSecretFile = (dataDir: string): string => join(fleetFolder(dataDir), 'webhooks.json')

/** Format of the file; a version of this package reads its own format and older formats. */
const format = 1

/** Number of secrets that sign: the present one, and the one before it. */
const kept = 2

/**
 * Returns the secrets that sign a fleet's webhooks, the present one first. The first call makes a secret.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a file that is damaged, or of a newer version
 * @throws the system's error for a file that cannot be read or written
 */
export async function webhookSecrets(dataDir: string): Promise<readonly string[]> {
  const present = await readSecrets(dataDir)
  return present.length > 0 ? present : changeSecrets(dataDir, (secrets) => (secrets.length > 0 ? 0 : 1))
}

/**
 * Puts a new secret before the present one, and returns both. Both sign until the next replacement.
 *
 * @throws as {@link webhookSecrets} does
 */
export const replaceWebhookSecret = (dataDir: string): Promise<readonly string[]> =>
  changeSecrets(dataDir, () => 1)

/** Adds a number of new secrets, and returns all that are kept. */
function changeSecrets(
  dataDir: string,
  addedTo: (present: readonly string[]) => 0 | 1,
): Promise<readonly string[]> {
  return whileLocked(dataDir, 'webhooks.lock', async () => {
    const present = await readSecrets(dataDir)
    if (addedTo(present) === 0) return present
    const secrets = [newSecret(), ...present].slice(0, kept)
    await replaceFile(webhookSecretFile(dataDir), `${JSON.stringify({ format, secrets }, null, 2)}\n`)
    return secrets
  })
}

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64url')}`

/** Reads the secrets; none if there is no file. */
async function readSecrets(dataDir: string): Promise<readonly string[]> {
  try {
    return secretsIn(await readFile(webhookSecretFile(dataDir), 'utf8'))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

function secretsIn(text: string): readonly string[] {
  const { format: given, secrets } = fieldsOf(text)
  if (typeof given === 'number' && given > format)
    throw new InvalidOptionsError(
      `webhooks.json has the format ${given} of a newer version: use that version of opencode-runtime`,
    )
  if (!Array.isArray(secrets) || !secrets.every((secret) => typeof secret === 'string' && secret !== ''))
    throw new InvalidOptionsError('webhooks.json is damaged: expected a list of secrets')
  return secrets as string[]
}

function fieldsOf(text: string): { format?: unknown; secrets?: unknown } {
  try {
    return Object(JSON.parse(text)) as { format?: unknown; secrets?: unknown }
  } catch {
    // The message of the parser may show a part of a secret.
    return {}
  }
}
