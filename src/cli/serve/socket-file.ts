import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { errnoOf } from '../../io/host/host-fault.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/**
 * Removes a socket file that a killed process has left. Leaves a socket on which a process listens.
 *
 * @throws Error if a process listens on the socket, or if the file is no socket
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = ignoreErrors(() => lstatSync(path))
  if (!stat) return
  if (!stat.isSocket()) throw new Error(`${path} is not a socket: move the file away, or listen elsewhere`)
  const failure = await connectFailure(path)
  if (failure === undefined) throw new Error(`another process listens on unix:${path}`)
  // Any other failure, such as a missing permission, does not show that nobody listens.
  if (failure !== 'ECONNREFUSED') throw new Error(`unix:${path} cannot be used (${failure})`)
  unlinkSync(path)
}

/** Returns the code of the failure to connect; `undefined` if a process accepts the connection. */
function connectFailure(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error) => resolve(errnoOf(error) ?? error.message))
  })
}
