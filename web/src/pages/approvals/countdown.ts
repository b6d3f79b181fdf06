/** Time that a request has left. */
export interface Countdown {
  /** Text such as `4:32` or `1 h 05 min`. */
  text: string
  phase: 'calm' | 'soon' | 'over'
}

/** Time at the end in which a countdown warns, in ms. */
const soonMs = 60_000

/**
 * Returns the countdown of a request.
 *
 * @param left - time until the request is rejected, in ms
 */
export function countdownOf(left: number): Countdown {
  const seconds = Math.max(0, Math.ceil(left / 1000))
  const phase = seconds === 0 ? 'over' : left <= soonMs ? 'soon' : 'calm'
  return { text: clockText(seconds), phase }
}

function clockText(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours >= 48) return `${Math.floor(hours / 24)} days`
  return hours > 0 ? `${hours} h ${two(minutes)} min` : `${minutes}:${two(seconds % 60)}`
}

const two = (value: number): string => String(value).padStart(2, '0')
