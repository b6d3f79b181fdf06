import { setImmediate as nextRound } from 'node:timers/promises'
import type { AnyActorRef } from 'xstate'
import { onAbort } from '../util/abort-signal.ts'

/** The actor system's clock; a simulated one also tells its time. */
export interface SystemClock {
  setTimeout: (fn: () => void, ms: number) => unknown
  clearTimeout: (id: unknown) => void
  /** Milliseconds since some moment; never goes back. */
  now: () => number
}

/** The clock that drives an actor system, so that simulated time drives all that runs in it. */
export function clockOf(system: AnyActorRef['system']): SystemClock {
  const clock = system._clock as { now?: () => number } & typeof system._clock
  return {
    setTimeout: (fn, ms) => clock.setTimeout(fn, Math.min(ms, longestTimer)) as unknown,
    clearTimeout: (id) => clock.clearTimeout(id),
    now: () => clock.now?.() ?? performance.now(),
  }
}

/** Node fires timers beyond this at once. */
const longestTimer = 2 ** 31 - 1

/** Resolves after `ms` of the system's time, or when `signal` aborts. */
export function elapse(clock: SystemClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const id = clock.setTimeout(finish, ms)
    const leave = onAbort(signal, finish)
    function finish(): void {
      clock.clearTimeout(id)
      leave()
      resolve()
    }
  })
}

/**
 * The lateness of a timer, in ms, beyond which the host stood still: it was paused or asleep, or its event loop was blocked.
 * Then nothing is known of what others did meanwhile.
 */
export const punctualMs = 100

/**
 * Resolves once what waits on this process's sockets has been read: timers fire before sockets are read, so that whatever
 * judges silence by a timer waits for this first.
 * @param rounds - rounds of the event loop; each reads 2 MiB at most from a socket (libuv)
 */
export async function inputRead(rounds = 1): Promise<void> {
  for (let round = 0; round < rounds; round++) await nextRound()
}

/** Rounds that read what a host that stood still may have waiting. */
export const roundsAfterPause = 10
