/** Time that a request has left. */
export interface Countdown {
  /** Text such as `4:32` or `1 h 05 min`. */
  text: string
  phase: 'calm' | 'soon' | 'over'
  /** Share of the whole time that is left, from 0 to 1. */
  share: number
}

/** Time at the end in which a countdown warns, in ms. */
const soonMs = 60_000

/**
 * Returns the time that a request has left.
 *
 * @param now - present time by the clock of the gateway, in epoch ms
 */
export function countdownOf({ at, expires_at }: { at: number; expires_at: number }, now: number): Countdown {
  const left = Math.max(0, expires_at - now)
  const whole = Math.max(1, expires_at - at)
  const phase = left === 0 ? 'over' : left <= soonMs ? 'soon' : 'calm'
  return { text: clockText(left), phase, share: Math.min(1, left / whole) }
}

function clockText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours >= 48) return `${Math.floor(hours / 24)} days`
  if (hours > 0) return `${hours} h ${two(minutes)} min`
  return `${minutes}:${two(seconds % 60)}`
}

const two = (value: number): string => String(value).padStart(2, '0')
