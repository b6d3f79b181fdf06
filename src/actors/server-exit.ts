import { ServerExitedError } from '../errors.ts'
import { messageOf } from '../messages.ts'

/** What kept a server from being started, as the exit that it amounts to. */
export function asServerExit(thrown: unknown): ServerExitedError {
  const detail = messageOf(thrown)
  return new ServerExitedError(`The opencode server could not be started: ${detail}`, {}, { cause: thrown })
}
