/** Returns the message of any thrown value, also of an object that is no Error. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    const { message } = Object(thrown) as { message?: unknown }
    return typeof message === 'string' ? message : String(thrown)
  } catch {
    return 'unknown error'
  }
}

/** Returns the first line of a text. */
export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''
