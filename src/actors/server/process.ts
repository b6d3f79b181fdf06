import { fromCallback, type EventObject } from 'xstate'
import type { OpenCodeRuntimeError } from '../../errors.ts'
import type { ServerProcess } from '../../io/process/server-process.ts'
import { maskedThrown } from '../../config/masked-error.ts'
import { asServerExit } from './server-exit.ts'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** What a server's process is told. */
export type ProcessCommand = { type: 'process.signal'; signal: 'SIGTERM' | 'SIGKILL' }

/** What a server's process tells. */
export type ProcessFact =
  | { type: 'process.spawned'; pid: number }
  | { type: 'process.listening' }
  /** At its end, and where it could not be started. */
  | { type: 'process.exited'; error: OpenCodeRuntimeError }

/**
 * The server's process, from spawn to exit. Stopped from outside, no transition runs any more: then it ends the whole
 * tree at once.
 */
export const serverProcess = fromCallback<ProcessCommand | EventObject, ServerInput>(
  ({ input, sendBack, receive }) => {
    const { options } = input
    const runtime = runtimeOf(input.runtime)
    const tell = (fact: ProcessFact): void => sendBack(fact)
    const leaveHome = runtime.home.enter()
    let child: ServerProcess | undefined
    try {
      if (!runtime.spawn) throw new Error('nothing was prepared')
      child = runtime.spawn({
        onListening: () => tell({ type: 'process.listening' }),
        onExit: (error) => tell({ type: 'process.exited', error }),
      })
    } catch (error) {
      tell({ type: 'process.exited', error: asServerExit(maskedThrown(error, options.secrets)) })
    }
    runtime.process = child
    if (child?.pid !== undefined) tell({ type: 'process.spawned', pid: child.pid })
    receive((command) => {
      if (command.type === 'process.signal') child?.signal((command as ProcessCommand).signal)
    })
    return () => {
      if (child) child.destroy(leaveHome)
      else leaveHome()
      if (runtime.process === child) runtime.process = undefined
    }
  },
)
