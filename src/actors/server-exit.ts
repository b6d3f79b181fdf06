import { HostFaultError, ServerExitedError } from '../errors.ts'
import { asHostFault } from '../io/host-fault.ts'
import { messageOf } from '../messages.ts'

/** Returns what kept a server from being started: a fault of the host as such, anything else as an exit. */
export function asServerExit(thrown: unknown): HostFaultError | ServerExitedError {
  const fault = asHostFault(thrown, 'The opencode server could not be started')
  if (fault instanceof HostFaultError) return fault
  const detail = messageOf(thrown)
  return new ServerExitedError(`The opencode server could not be started: ${detail}`, {}, { cause: thrown })
}
