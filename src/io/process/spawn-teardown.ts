import { ignoreErrors } from '../../util/ignore-errors.ts'
import { retryUntilDone } from '../../util/in-background.ts'
import { killLeftovers, signalGroup } from './processes.ts'

/** Teardown of a spawn. */
export interface SpawnTeardown {
  /** Returns whether a sweep found no process, so that the spawn has ended. */
  readonly isDone: () => boolean
  /** Kills the remaining processes, and returns how many there were; see `ServerProcess.sweep`. */
  readonly sweep: () => number
  /** Sweeps in the background until no process is left; see `ServerProcess.destroy`. */
  readonly destroy: (onGone?: () => void) => void
}

/**
 * Returns the teardown of a spawn, which also runs when the host exits.
 *
 * @param pid - leader of the spawn's process group; `undefined` if no process was started
 * @param onDone - called once, when a sweep finds no process
 */
export function spawnTeardown(pid: number | undefined, marker: string, onDone: () => void): SpawnTeardown {
  const killAll = leftoverKiller(pid, marker)
  let isDone = false
  const sweep = (): number => {
    const left = isDone ? 0 : killAll()
    if (left > 0 || isDone) return left
    isDone = true
    atExit.delete(destroy)
    onDone()
    return 0
  }
  const destroy = (onGone: () => void = () => undefined): void =>
    retryUntilDone(() => {
      if (sweep() > 0) return false
      onGone()
      return true
    })
  atExit.add(destroy)
  return { isDone: () => isDone, sweep, destroy }
}

/**
 * Returns a function that kills a spawn's processes at each call and returns how many were still alive; 1 if
 * the host cannot list processes. A group that has ended is never signalled again, because its id may be
 * reused.
 */
function leftoverKiller(pid: number | undefined, marker: string): () => number {
  let leader = pid
  return () => {
    // No process was started.
    if (pid === undefined) return 0
    if (leader !== undefined && !signalGroup(leader, 'SIGKILL')) leader = undefined
    return ignoreErrors(() => killLeftovers(leader, marker)) ?? 1
  }
}

/**
 * Teardowns that run when the host exits. All servers share one listener, because the host has a limit of
 * listeners. A host that is killed runs no teardown; the watchers end the servers then.
 */
const atExit = {
  teardowns: new Set<() => void>(),
  run: (): void => {
    // A teardown that throws must not stop the other teardowns or the host's own listeners.
    for (const teardown of atExit.teardowns) ignoreErrors(teardown)
  },
  add(teardown: () => void): void {
    if (this.teardowns.size === 0) process.once('exit', this.run)
    this.teardowns.add(teardown)
  },
  delete(teardown: () => void): void {
    this.teardowns.delete(teardown)
    if (this.teardowns.size === 0) process.removeListener('exit', this.run)
  },
}
