/**
 * Characters that move the cursor, and that reorder or hide text: a command could look like another one. A sequence
 * for the terminal is not removed, because a shell may run what stands inside. Joiners and selectors of letters and
 * emoji stay.
 */
const disguises =
  /(?!\n|\t|\u200c|\u200d|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Returns a text of the agent as a person may judge it: with its control characters and disguises named. */
export const visible = (text: string): string =>
  text.replace(/\r\n/g, '\n').replace(disguises, (character) => `<U+${hexOf(character)}>`)

/** Returns a text of the agent as one visible line. */
export const visibleLine = (text: string): string => visible(text).replace(/\s*\n\s*/g, ' ⏎ ')

const hexOf = (character: string): string =>
  (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
