import { elapse, type SystemClock } from '../clock.ts'
import type { Runtime, ServerConnection } from '../runtime.ts'
import type { TurnRecord } from './turn-record.ts'

/** Time that the check of a directory may take, in ms. */
const checkMs = 2_000

/** Aborted turn, and the server on which it ran. */
export interface AbortedTurn {
  record: TurnRecord
  runtime: Runtime
  connection: ServerConnection
  clock: SystemClock
  /** Signal that aborts when the server is gone. */
  serverGone: AbortSignal
}

/**
 * Heals the directory of a turn that was aborted before the model was asked, after the work has ended. New
 * turns of the directory wait meanwhile. A server that this host does not manage is left alone. Resolves with
 * whether the directory was healed; never rejects.
 */
export async function healAborted(turn: AbortedTurn, ended: Promise<void>): Promise<boolean> {
  const { record, runtime, connection, serverGone } = turn
  const { directory } = record.conversation
  const isForeign = connection.directory === ''
  if (isForeign || directory === undefined) return ended.then(() => false)
  const healed = ended.then(() => !serverGone.aborted && disposeIfBroken(turn, directory))
  runtime.healing.set(directory, healed)
  const wasHealed = await healed
  if (runtime.healing.get(directory) === healed) runtime.healing.delete(directory)
  return wasHealed
}

/**
 * Disposes a directory whose MCP servers can no longer be used, so that the next turn connects to them anew.
 * Another turn that works in the directory would end, so its directory is left alone.
 *
 * @remarks Observed in opencode: if the first turn of a directory is aborted while a remote MCP
 * server connects, each later turn of the directory ends as aborted, and `GET /mcp` answers 503, until the
 * directory is disposed. The check is never aborted, because it may itself be what connects.
 */
async function disposeIfBroken(
  { record, runtime, connection: { client }, clock }: AbortedTurn,
  directory: string,
): Promise<boolean> {
  const checked = new AbortController()
  const isBroken = client.hasBrokenMcp(directory).catch(() => false)
  const answer = await Promise.race([isBroken, elapse(clock, checkMs, checked.signal)])
  checked.abort()
  if (answer !== true || runtime.isUsed(directory, record)) return false
  return client.disposeDirectory(directory).then(
    () => true,
    () => false,
  )
}
