const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Returns a duration in its largest unit: `12 s`, `5 min`, `3 h`, `9 d`. */
export function duration(ms: number): string {
  const passed = Math.max(0, ms)
  if (passed < minute) return `${Math.floor(passed / 1000)} s`
  if (passed < hour) return `${Math.floor(passed / minute)} min`
  if (passed < 2 * day) return `${Math.floor(passed / hour)} h`
  return `${Math.floor(passed / day)} d`
}

/** Returns a moment as its age: `now`, or `12 s ago`. */
export const ago = (at: number, now: number): string =>
  now - at < 1000 ? 'now' : `${duration(now - at)} ago`

/** Size from which sizes are shown in GiB, in MiB. */
const large = 10_000

/** Returns a size in MiB, or a large size in GiB. */
export const mebibytes = (mb: number): string =>
  mb < large ? `${Math.round(mb)} MiB` : `${(mb / 1024).toFixed(1)} GiB`

/** Returns a size and its limit in the unit of the limit: `6.4 of 17.7 GiB`. */
export const ofMebibytes = (mb: number, limit: number): string =>
  `${limit < large ? Math.round(mb) : (mb / 1024).toFixed(1)} of ${mebibytes(limit)}`

/** Returns a count with its noun: `1 agent`, `2 agents`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
