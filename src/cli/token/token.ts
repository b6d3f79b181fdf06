import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { readTokens, changeTokens, tokensFile } from '../../gateway/access/token-file.ts'
import { isExpired, newToken } from '../../gateway/access/token-record.ts'
import type { TokenRecord } from '../../gateway/access/caller.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'
import { similarTo } from '../../util/similar.ts'
import { exitCode, UsageError } from '../exit-codes.ts'
import { formatTable, type Column } from '../fleet/table.ts'
import { pathFrom, type TokenCreateFlags, type TokenFlags } from '../flags.ts'
import { paintFor } from '../log-entries.ts'
import type { Std } from '../std.ts'
import { grantFrom } from './token-input.ts'

/**
 * Runs `opencode-runtime token create`: adds a token for the gateway of a fleet. The token is written to stdout, once;
 * the file holds its hash only. Resolves with the exit code.
 *
 * @throws UsageError for a bad flag, an id that is in use, and a file that cannot be changed
 */
export async function createToken(flags: TokenCreateFlags, std: Std): Promise<number> {
  const dataDir = pathFrom('--data-dir', flags.dataDir)
  const { token, record } = newToken(grantFrom(flags, Date.now()))
  const isUnused = !existsSync(dirname(tokensFile(dataDir)))
  await change(dataDir, (tokens) => {
    if (tokens.some(({ id }) => id === record.id))
      throw new UsageError(`--id: there is a token ${record.id}: revoke it first, or give another id`)
    return [...tokens, record]
  })
  if (isUnused) await std.err.write(unusedNote(dataDir))
  std.content = 'the token'
  const { hash: _hash, ...shown } = record
  if (flags.json === true) await std.out.write(`${JSON.stringify({ ...shown, token })}\n`)
  else {
    await std.out.write(`${token}\n`)
    await std.err.write(
      `token ${record.id} may ${record.scopes.join(', ')} ${limitOf(record)}${endOf(record)}; it is shown only now\n`,
    )
  }
  return exitCode.final
}

/** Runs `opencode-runtime token list`: shows the tokens of a fleet's gateway, without their hashes. */
export async function listTokens(flags: TokenFlags, std: Std): Promise<number> {
  const dataDir = pathFrom('--data-dir', flags.dataDir)
  requireFolder(dataDir)
  const tokens = await orUsageError(() => readTokens(dataDir), dataDir)
  std.content = 'the list of tokens'
  if (flags.json === true) {
    const shown = tokens.map(({ hash: _hash, ...rest }) => rest)
    await std.out.write(`${JSON.stringify(shown)}\n`)
    return exitCode.final
  }
  if (tokens.length === 0)
    await std.err.write(
      `no tokens: create one with opencode-runtime token create --data-dir ${flags.dataDir}\n`,
    )
  else {
    const lines = formatTable(columns(Date.now()), tokens, std.out.width, paintFor(std.out.stream))
    await std.out.write(`${lines.join('\n')}\n`)
  }
  return exitCode.final
}

/**
 * Runs `opencode-runtime token revoke`: removes tokens. A gateway that runs refuses them from the next request on.
 *
 * @throws UsageError if no token has one of the ids; then no token is removed
 */
export async function revokeTokens(ids: readonly string[], flags: TokenFlags, std: Std): Promise<number> {
  const dataDir = pathFrom('--data-dir', flags.dataDir)
  requireFolder(dataDir)
  await change(dataDir, (tokens) => {
    const known = tokens.map(({ id }) => id)
    for (const id of ids) if (!known.includes(id)) throw unknownToken(id, known)
    return tokens.filter(({ id }) => !ids.includes(id))
  })
  std.content = 'the ids'
  if (flags.json === true) await std.out.write(`${JSON.stringify({ revoked: ids })}\n`)
  else for (const id of ids) await std.err.write(`token ${id} is revoked\n`)
  return exitCode.final
}

function requireFolder(dataDir: string): void {
  if (!existsSync(dataDir))
    throw new UsageError(
      `--data-dir: there is no folder ${dataDir}: give the data_dir of the config file, or the dataDir of a Fleet`,
    )
}

function unknownToken(id: string, known: readonly string[]): UsageError {
  const [similar] = similarTo(id, known)
  const hint = similar === undefined ? ': token list shows the ids' : ` (did you mean ${similar}?)`
  return new UsageError(`there is no token ${JSON.stringify(id.slice(0, 80))}${hint}`)
}

const change = (dataDir: string, by: Parameters<typeof changeTokens>[1]): Promise<void> =>
  orUsageError(() => changeTokens(dataDir, by), dataDir)

/** Runs an access to the file; a file that cannot be read or changed is an error of usage. */
async function orUsageError<T>(act: () => T | Promise<T>, dataDir: string): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof UsageError) throw error
    if (error instanceof InvalidOptionsError) throw new UsageError(error.message)
    const advice = ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')
      ? '; run this command as the user of the fleet'
      : ''
    throw new UsageError(`${tokensFile(dataDir)} cannot be used: ${messageOf(error)}${advice}`)
  }
}

/** Returns a note about a folder that no fleet has used: a path with a typing error would make a useless token. */
const unusedNote = (dataDir: string): string =>
  `note: no fleet has used ${dataDir} yet; the token is for a gateway with this data_dir\n`

const limitOf = ({ agents, tenant }: TokenRecord): string => {
  const limits = [
    ...(agents === undefined ? [] : [agents.length === 0 ? 'no agent' : agents.join(', ')]),
    ...(tenant === undefined ? [] : [`the tenant ${tenant}`]),
  ]
  return limits.length === 0 ? 'for all agents' : `for ${limits.join(' in ')}`
}

const endOf = ({ expires_at }: TokenRecord): string =>
  expires_at === undefined ? '' : ` until ${expires_at}`

const columns = (now: number): Column<TokenRecord>[] => [
  { title: 'id', text: ({ id }) => id },
  { title: 'scopes', text: ({ scopes }) => scopes.join(',') },
  {
    title: 'expires',
    text: (record) => (isExpired(record, now) ? 'expired' : (record.expires_at ?? 'never')),
    style: (record) => (isExpired(record, now) ? 'red' : undefined),
  },
  { title: 'for', text: (record) => limitOf(record).replace(/^for /, ''), isRest: true },
]
