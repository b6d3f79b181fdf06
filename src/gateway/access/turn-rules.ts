import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import { workspaceOf } from '../../config/workspace.ts'
import type { Caller } from './caller.ts'
import { forbidden } from './problems.ts'

/** Answers to permission requests that permit what is asked for. */
const permitting = new Set<unknown>(['once', 'always'])

/**
 * Checks the answer to permission requests that a turn or a spec gives.
 *
 * @throws ProblemError 403 for an answer that permits, from a caller without the scope `approve`
 */
export function requireApproval(caller: Caller, onPermission: unknown): void {
  if (permitting.has(onPermission) && !caller.scopes.has('approve'))
    throw forbidden(
      `on_permission: ${String(onPermission)} needs a token with the scope approve: use reject or ask`,
      'on_permission',
    )
}

/** Returns the directory in which an agent works. */
export const directoryOf = (
  dataDir: string,
  spec: { id: string; directory?: string | undefined },
  defaults: { directory?: string | undefined } = {},
): string => spec.directory ?? defaults.directory ?? workspaceOf(resolve(dataDir, spec.id))

/**
 * Returns the directory of a turn, which must lie within the agent's directory: without links, so that a link that the
 * agent changes afterwards leads nowhere else. A directory that does not exist is returned as it is, for the turn to
 * refuse.
 *
 * @throws ProblemError 403 for a directory outside. The message does not tell whether the directory exists.
 */
export async function requireWithin(agentDirectory: string, directory: string): Promise<string> {
  if (!isWithin(agentDirectory, directory)) throw outside()
  const real = await realpath(directory).catch(() => undefined)
  if (real === undefined) return directory
  const base = await realpath(agentDirectory).catch(() => agentDirectory)
  if (!isWithin(base, real)) throw outside()
  return real
}

/** Returns whether a path is a directory or lies in it. Both are taken as they are written. */
export function isWithin(directory: string, path: string): boolean {
  if (!isAbsolute(path)) return false
  const way = relative(directory, path)
  return way === '' || (!/^\.\.(?:[/\\]|$)/.test(way) && !isAbsolute(way))
}

const outside = () =>
  forbidden("The directory of a turn must lie within the agent's directory: choose one there", 'directory')
