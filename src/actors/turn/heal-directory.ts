import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { elapse, type SystemClock } from '../clock.ts'

/** Time that the check of a directory may take, in ms. */
const checkMs = 2_000

/** Directory of an aborted turn. */
export interface AbortedDirectory {
  client: OpenCodeClient
  directory: string
  clock: SystemClock
  /** Returns whether another turn works in the directory, which a dispose would end. */
  isUsed: () => boolean
}

/**
 * Disposes a directory whose MCP servers can no longer be used, so that the next turn connects to them anew.
 * Never rejects.
 *
 * @remarks Observed in opencode: if the first turn of a directory is aborted while a remote MCP
 * server connects, each later turn of the directory ends as aborted, and `GET /mcp` answers 503, until the
 * directory is disposed. The check is never aborted, because it may itself be what connects.
 */
export async function healDirectory({ client, directory, clock, isUsed }: AbortedDirectory): Promise<void> {
  const checked = new AbortController()
  const isBroken = client.hasBrokenMcp(directory).catch(() => false)
  const answer = await Promise.race([isBroken, elapse(clock, checkMs, checked.signal)])
  checked.abort()
  if (answer === true && !isUsed()) await client.disposeDirectory(directory).catch(() => undefined)
}
