import { HostFaultError, ServerExitedError } from '../../errors.ts'
import { asHostFault } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'

/** Returns the error of a failed spawn: a host fault unchanged, any other error as a server exit. */
export function asServerExit(thrown: unknown): HostFaultError | ServerExitedError {
  const fault = asHostFault(thrown, 'The opencode server could not be started')
  if (fault instanceof HostFaultError) return fault
  const detail = messageOf(thrown)
  return new ServerExitedError(`The opencode server could not be started: ${detail}`, {}, { cause: thrown })
}
