import { fromCallback, type EventObject } from 'xstate'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** What the keeper of a home is told: keep it from now on; nothing runs any more. */
export type HomeCommand = { type: 'home.hold' } | { type: 'home.release' }

/**
 * Keeps the home's lock while the machine is at work, from before anything is written until nothing runs; also lets go
 * of it where the machine is stopped from outside. Whoever prepares takes the lock, so a server that is not ours needs none.
 */
export const home = fromCallback<HomeCommand | EventObject, ServerInput>(({ input, receive }) => {
  const { home: hold } = runtimeOf(input.runtime)
  let leave: (() => void) | undefined
  const release = (): void => {
    leave?.()
    leave = undefined
  }
  receive(({ type }) => {
    if (type === 'home.hold') leave ??= hold.enter()
    if (type === 'home.release') release()
  })
  return release
})
