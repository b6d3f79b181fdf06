import { setImmediate as nextRound } from 'node:timers/promises'
import type { AnyActorRef } from 'xstate'
import { onAbort } from '../util/abort-signal.ts'

/** Clock of the actor system; also reports the simulated time of a simulated clock. */
export interface SystemClock {
  setTimeout: (fn: () => void, ms: number) => unknown
  clearTimeout: (id: unknown) => void
  /** Returns a monotonic time, in ms since an arbitrary moment. */
  now: () => number
}

/** Returns the clock of an actor system, so that simulated time drives everything in the system. */
export function clockOf(system: AnyActorRef['system']): SystemClock {
  const clock = system._clock as { now?: () => number } & typeof system._clock
  return {
    setTimeout: (fn, ms) => clock.setTimeout(fn, Math.min(ms, longestTimer)) as unknown,
    clearTimeout: (id) => clock.clearTimeout(id),
    now: () => clock.now?.() ?? performance.now(),
  }
}

/** Clock of the host, for work outside of an actor system. */
export const systemClock: SystemClock = {
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, longestTimer)),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout | undefined),
  now: () => performance.now(),
}

/** Longest timer, in ms; Node fires a longer timer immediately. */
const longestTimer = 2 ** 31 - 1

/** Resolves after `ms` of the system's time, or when `signal` aborts. */
export function elapse(clock: SystemClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const id = clock.setTimeout(finish, ms)
    const stopListening = onAbort(signal, finish)
    function finish(): void {
      clock.clearTimeout(id)
      stopListening()
      resolve()
    }
  })
}

/**
 * Lateness of a timer, in ms, beyond which the host counts as paused: suspended, asleep, or with a blocked
 * event loop. After a pause, the host does not know what happened in other processes meanwhile.
 */
export const punctualMs = 100

/**
 * Resolves when the pending input of this process's sockets has been read. Timers fire before sockets are
 * read, so code that judges silence by a timer must wait for this first.
 *
 * @param rounds - rounds of the event loop; each round reads at most 2 MiB from a socket (libuv)
 */
export async function inputRead(rounds = 1): Promise<void> {
  for (let round = 0; round < rounds; round++) await nextRound()
}

/** Number of rounds that read the pending input after a pause of the host. */
export const roundsAfterPause = 10
