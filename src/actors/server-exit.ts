import { ServerExitedError } from '../errors.ts'

/** What kept a server from being started, as the exit that it amounts to. */
export function asServerExit(thrown: unknown): ServerExitedError {
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return new ServerExitedError(`The opencode server could not be started: ${detail}`, {}, { cause: thrown })
}
