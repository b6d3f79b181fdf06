/** What anything thrown says. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** A text up to its first line break. */
export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''
