import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { lazily, parse } from '../../config/validation.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { fleetFolder } from '../../io/fleet/fleet-folder.ts'
import { requireOwner, whileLocked } from '../../io/fleet/folder-lock.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { replaceFile } from '../../io/home/private-file.ts'
import type { TokenRecord } from './caller.ts'
import { tokenRecordsSchema } from './token-record.ts'

/** Returns the path of the file of tokens in a data directory. */
export const tokensFile = (dataDir: string): string => join(fleetFolder(dataDir), 'tokens.json')

/** Format of the file; a version of this package reads its own format and older formats. */
const tokensFormat = 1

const fileSchema = lazily(() =>
  z.strictObject({ format: z.int().min(1), tokens: tokenRecordsSchema() }, 'expected an object'),
)

/**
 * Reads the records of a data directory's tokens; none if there is no file.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a file that is damaged, or of a newer version
 * @throws the system's error for a file that cannot be read
 */
export function readTokens(dataDir: string): readonly TokenRecord[] {
  const text = textOf(tokensFile(dataDir))
  return text === undefined ? [] : tokensIn(text)
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function tokensIn(text: string): readonly TokenRecord[] {
  const value = jsonOf(text)
  const { format } = Object(value) as { format?: unknown }
  if (typeof format === 'number' && format > tokensFormat)
    throw new InvalidOptionsError(
      `tokens.json has the format ${format} of a newer version: use that version of opencode-runtime`,
    )
  const { tokens } = parse(fileSchema, value, 'field of tokens.json')
  const ids = new Set<string>()
  for (const { id } of tokens) {
    if (ids.has(id)) throw new InvalidOptionsError(`tokens.json has two tokens with the id ${id}: remove one`)
    ids.add(id)
  }
  return tokens
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InvalidOptionsError('tokens.json is damaged: it is no JSON', { cause })
  }
}

/**
 * Changes the records of a data directory's tokens, one process after another. The file is replaced atomically, with
 * mode 0600.
 *
 * @param change - returns the changed records
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if root would make the file in another user's folder
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a file that is damaged, or of a newer version
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another process changes the tokens for longer than 5 s
 */
export async function changeTokens(
  dataDir: string,
  change: (tokens: readonly TokenRecord[]) => readonly TokenRecord[],
): Promise<void> {
  requireOwner(dataDir)
  await whileLocked(dataDir, 'tokens.lock', async () => {
    const tokens = change(readTokens(dataDir))
    const text = `${JSON.stringify({ format: tokensFormat, tokens }, null, 2)}\n`
    await replaceFile(tokensFile(dataDir), text)
  })
}
