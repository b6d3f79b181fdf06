const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** Returns a number of MiB in words: `512 MB`, `1.4 GB`. */
export function bytes(mb: number): string {
  if (mb < 1_000) return `${Math.round(mb)} MB`
  const gb = mb / 1_024
  return `${gb < 10 ? gb.toFixed(1) : Math.round(gb)} GB`
}

/** Returns a duration in words, of two units at most: `340 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole < second) return `${Math.round(whole)} ms`
  if (whole < 10 * second) return `${(Math.floor(whole / 100) / 10).toFixed(1)} s`
  if (whole < minute) return `${Math.floor(whole / second)} s`
  if (whole < hour) return two(whole, minute, 'min', second, 's')
  if (whole < day) return two(whole, hour, 'h', minute, 'min')
  return two(whole, day, 'd', hour, 'h')
}

function two(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % big) / small)
  return `${Math.floor(ms / big)} ${bigName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}

/** Returns the time since a moment in words: `now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(ms: number): string {
  if (ms < 2 * second) return 'now'
  if (ms < minute) return `${Math.floor(ms / second)} s ago`
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`
  if (ms < day) return `${Math.floor(ms / hour)} h ago`
  return `${Math.floor(ms / day)} d ago`
}

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })

/** Returns the time of day of a moment: `14:05:09`. */
export const clock = (at: number): string => clockFormat.format(at)

/** Returns the date and time of a moment, with its time zone. */
export const exact = (at: number): string => exactFormat.format(at)

/** Returns an amount in US dollars: `$0`, `$0.0042`, `$0.31`, `$12.40`, `$1,204`. */
export function cost(usd: number): string {
  if (usd === 0) return '$0'
  if (usd > 0 && usd < 0.0001) return '<$0.0001'
  if (usd < 0.01) return `$${usd.toFixed(4)}`
  if (usd < 1_000) return `$${usd.toFixed(2)}`
  return `$${whole(Math.round(usd))}`
}

/** Returns a number of tokens, shortened: `0`, `812`, `4.2k`, `1.31M`. */
export function tokens(count: number): string {
  if (count < 1_000) return String(count)
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`
  if (count < 999_500) return `${Math.round(count / 1_000)}k`
  return `${(count / 1_000_000).toFixed(2)}M`
}

/** Returns a whole number with separators of thousands: `12,400`. */
export const whole = (count: number): string => count.toLocaleString('en-US')

/** Returns a number with its noun: `1 turn`, `2 turns`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`
