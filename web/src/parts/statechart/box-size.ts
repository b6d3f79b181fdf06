/** Width of a character of a state's name, 13 px and semibold, at the widest usual font. */
const character = 8.2

/** Returns the width of a state's name. */
export const nameWidth = (name: string): number => Math.ceil(name.length * character)

/** Returns the size of the box of a state without nested states. */
export const boxSize = (name: string): { width: number; height: number } => ({
  width: 2 * Math.ceil(Math.max(74, nameWidth(name) + 28) / 2),
  height: 32,
})
