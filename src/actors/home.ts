import { fromCallback, type EventObject } from 'xstate'
import type { CompiledOptions } from '../options.ts'
import { runtimeOf } from './runtime.ts'

/** What the keeper of a home is told: keep it from now on; nothing runs any more. */
export type HomeCommand = { type: 'home.hold' } | { type: 'home.release' }

/**
 * Keeps the home's lock while the machine is at work, from before anything is written until nothing runs; also lets go
 * of it where the machine is stopped from outside. Whoever prepares takes the lock, so a server that is not ours needs none.
 */
export const home = fromCallback<HomeCommand | EventObject, { options: CompiledOptions }>(
  ({ input: { options }, receive }) => {
    const { home: hold } = runtimeOf(options)
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
  },
)
