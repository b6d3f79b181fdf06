/** Returns the message of any thrown value. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** Returns the first line of a text. */
export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''
