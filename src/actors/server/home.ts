import { fromCallback, type EventObject } from 'xstate'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Commands of the home actor: hold the lock from now on; release the lock, because nothing runs any more. */
export type HomeCommand = { type: 'home.hold' } | { type: 'home.release' }

/**
 * Holds the home's lock while the machine works, from before the first write until nothing runs, and releases
 * the lock if the machine is stopped from outside. The preparation takes the lock, so a server that another
 * program manages is not locked.
 */
export const home = fromCallback<HomeCommand | EventObject, ServerInput>(({ input, receive }) => {
  const { home: hold } = runtimeOf(input.runtime)
  let releaseLock: (() => void) | undefined
  const release = (): void => {
    releaseLock?.()
    releaseLock = undefined
  }
  receive(({ type }) => {
    if (type === 'home.hold') releaseLock ??= hold.addUser()
    if (type === 'home.release') release()
  })
  return release
})
