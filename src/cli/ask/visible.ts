import { printable } from '../log-entries.ts'

/** Characters that reorder or hide text: a command could look like another one. */
const disguises = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** Returns a text of the agent as a person may judge it: without control characters, disguises named. */
export const visible = (text: string): string =>
  printable(text).replace(disguises, (character) => `<U+${hexOf(character)}>`)

/** Returns a text of the agent as one visible line. */
export const visibleLine = (text: string): string => visible(text).replace(/\s*\n\s*/g, ' ⏎ ')

const hexOf = (character: string): string =>
  (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
