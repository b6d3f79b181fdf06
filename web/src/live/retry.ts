/** Longest time between two attempts, in ms. */
const longestMs = 15_000

/**
 * Returns the time until the next attempt, in ms: twice as long each time, up to 15 s, and random by half, so that the
 * browsers of a gateway that restarts do not come all at once.
 *
 * @param attempt - number of attempts that have failed since the last success, from 0
 */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(500 * 2 ** attempt, longestMs)
  return most / 2 + (random() * most) / 2
}
