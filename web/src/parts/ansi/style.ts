/** Classes of the effects that a parameter sets. Blinking and hidden text is shown as other text. */
const effects: Readonly<Record<number, string>> = {
  1: 'ansi-bold',
  2: 'ansi-dim',
  3: 'ansi-italic',
  4: 'ansi-underline',
  9: 'ansi-strike',
}

/** Parameters that end an effect, and the beginnings of the classes that they take away. */
const ends: Readonly<Record<number, RegExp>> = {
  0: /./,
  22: /bold|dim/,
  23: /italic/,
  24: /underline/,
  29: /strike/,
  39: /fg/,
}

/**
 * Returns the classes after a sequence such as `ESC [1;31m`. The colours are the 8 of a terminal, which the view shows
 * in its own colours, so that they keep their contrast. A colour of the palette, a true colour and a background are
 * left out, so that no text has the colour of its background.
 */
export function changedStyle(style: string, sequence: string): string {
  const numbers = (/[\d;:]*(?=m$)/.exec(sequence)?.[0] ?? '').split(/[;:]/).map(Number)
  let names = style.split(' ').filter((name) => name !== '')
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0
    const isExtended = number === 38 || number === 48
    const colour = /^(?:3|9)([0-7])$/.exec(String(number))?.[1]
    const ended = number === 38 || colour !== undefined ? ends[39] : ends[number]
    const begun = colour === undefined ? effects[number] : `ansi-fg-${colour}`
    names = names.filter((name) => name !== begun && !ended?.test(name))
    if (begun !== undefined) names.push(begun)
    if (isExtended) i += numbers[i + 1] === 5 ? 2 : 4
  }
  return names.join(' ')
}
