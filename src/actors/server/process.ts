import { fromCallback, type EventObject } from 'xstate'
import type { OpenCodeRuntimeError } from '../../errors.ts'
import type { ServerProcess } from '../../io/process/server-process.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import { asServerExit } from './server-exit.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Command to a server's process. */
export type ProcessCommand = { type: 'process.signal'; signal: 'SIGTERM' | 'SIGKILL' }

/** Fact about a server's process. */
export type ProcessFact =
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  /** Reports the process's exit, or that the process could not be started. */
  | { type: 'process.exited'; error: OpenCodeRuntimeError }

/**
 * Runs the server's process, from spawn to exit. If the actor is stopped from outside, no transition runs any
 * more, so the actor ends the whole process tree immediately.
 */
export const serverProcess = fromCallback<ProcessCommand | EventObject, ServerInput>(
  ({ input, sendBack, receive }) => {
    const { options } = input
    const runtime = runtimeOf(input.runtime)
    const report = (fact: ProcessFact): void => sendBack(fact)
    const releaseHome = runtime.home.addUser()
    const { closeHostTools } = runtime
    let child: ServerProcess | undefined
    try {
      if (!runtime.spawn) throw new Error('no spawn was prepared')
      child = runtime.spawn({
        onListening: () => report({ type: 'process.listening' }),
        onExit: (error) => report({ type: 'process.exited', error }),
      })
    } catch (error) {
      report({ type: 'process.exited', error: asServerExit(maskedThrown(error, options.secrets)) })
    }
    runtime.process = child
    if (child?.pid !== undefined) report({ type: 'process.spawned', pid: child.pid })
    receive((command) => {
      if (command.type === 'process.signal') child?.signal((command as ProcessCommand).signal)
    })
    return () => {
      closeHostTools?.()
      if (child) child.destroy(releaseHome)
      else releaseHome()
      if (runtime.process === child) runtime.process = undefined
    }
  },
)
