import { elapse, type SystemClock } from '../../actors/clock.ts'

/** Wait before a watch is tried again, in ms. */
const retryMs = 200

/** Begins a watch, again and again until the store answers. */
export async function keepOn(
  clock: SystemClock,
  signal: AbortSignal,
  watch: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted)
    try {
      await watch()
      return
    } catch {
      await elapse(clock, retryMs, signal)
    }
}
