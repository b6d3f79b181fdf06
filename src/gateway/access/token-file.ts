import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { lazily, parse } from '../../config/validation.ts'
import { HomeLockedError, InvalidOptionsError } from '../../errors.ts'
import { fleetFolder } from '../../io/fleet/fleet-folder.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { openHomeFolder } from '../../io/home/home-folder.ts'
import { lockPlace, type HomeLock } from '../../io/home/home-lock.ts'
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

/** Times that a change waits for the change of another process, and the wait, in ms. */
const patience = { times: 100, ms: 50 }

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
  const lock = await lockTokens(dataDir)
  try {
    const tokens = change(readTokens(dataDir))
    const text = `${JSON.stringify({ format: tokensFormat, tokens }, null, 2)}\n`
    await replaceFile(tokensFile(dataDir), text)
  } finally {
    lock.release()
  }
}

async function lockTokens(dataDir: string): Promise<HomeLock> {
  requireOwner(dataDir)
  openHomeFolder(dataDir, ['.fleet'], undefined).close()
  const open = () => openHomeFolder(dataDir, ['.fleet', 'tokens.lock'], undefined)
  for (let tries = 0; ; tries++)
    try {
      return lockPlace({ option: 'dataDir', path: dataDir, open, user: 'fleet' })
    } catch (error) {
      if (!(error instanceof HomeLockedError) || tries >= patience.times) throw error
      await sleep(patience.ms)
    }
}

/** Refuses root in a data directory of another user, who could not read the file. */
function requireOwner(dataDir: string): void {
  const uid = statSync(dataDir, { throwIfNoEntry: false })?.uid ?? 0
  if (process.geteuid?.() === 0 && uid !== 0)
    throw new InvalidOptionsError(
      `${dataDir} belongs to the user ${uid}: run this command as the user of the fleet`,
    )
}
