/** Attributes of a terminal's text that are shown. Colours are the 16 colours of a terminal, by their numbers. */
export interface Attributes {
  fg?: number | undefined
  bg?: number | undefined
  bold?: boolean
  dim?: boolean
  italic?: boolean
  underline?: boolean
  strike?: boolean
  inverse?: boolean
}

/** Attributes of text without any style. */
export const plain: Attributes = {}

/** Attributes that a parameter sets or clears. Blinking and hidden text is shown as other text. */
const effects: Readonly<Record<number, Partial<Attributes>>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { fg: undefined },
  49: { bg: undefined },
}

/** Returns attributes after a sequence of parameters, such as `1;31`. */
export function changedBy(attributes: Attributes, parameters: string): Attributes {
  const numbers = parameters.split(/[;:]/).map(Number)
  let changed = attributes
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0
    if (number === 0) changed = plain
    else if (number === 38 || number === 48) {
      const { colour, used } = extended(numbers.slice(i + 1, i + 5))
      changed = { ...changed, [number === 38 ? 'fg' : 'bg']: colour }
      i += used
    } else changed = { ...changed, ...(effects[number] ?? colourOf(number)) }
  }
  return changed
}

/** Returns the classes of attributes. Text in the colour of its background would be hidden, so it gets none. */
export function classesOf({ fg, bg, ...flags }: Attributes): string {
  const isHidden = fg !== undefined && fg === bg
  const names = Object.entries(flags).flatMap(([name, isSet]) => (isSet ? [`ansi-${name}`] : []))
  if (fg !== undefined && !isHidden) names.push(`ansi-fg-${fg}`)
  if (bg !== undefined && !isHidden) names.push(`ansi-bg-${bg}`)
  return names.join(' ')
}

function colourOf(number: number): Partial<Attributes> {
  if (number >= 30 && number <= 37) return { fg: number - 30 }
  if (number >= 40 && number <= 47) return { bg: number - 40 }
  if (number >= 90 && number <= 97) return { fg: number - 82 }
  if (number >= 100 && number <= 107) return { bg: number - 92 }
  return {}
}

/** Returns the colour of the parameters after 38 or 48, and how many of them belong to it. */
function extended([kind, a = 0, b = 0, c = 0]: readonly number[]): {
  colour: number | undefined
  used: number
} {
  if (kind === 5) return { colour: a < 16 ? a : nearest(ofPalette(a)), used: 2 }
  return kind === 2 ? { colour: nearest([a, b, c]), used: 4 } : { colour: undefined, used: 1 }
}

/** Returns red, green and blue of a colour of the palette of 256: a cube of 6 steps, and then greys. */
const ofPalette = (index: number): number[] =>
  [36, 6, 1].map((power) =>
    index < 232 ? (Math.floor((index - 16) / power) % 6) * 51 : (index - 232) * 10 + 8,
  )

/**
 * Returns the colour of 16 that is nearest to red, green and blue: its number has a bit for each of the three, and 8 for
 * a bright colour. The colours of the view keep their contrast in light and dark; true colours would not.
 */
function nearest(rgb: readonly number[]): number {
  const most = Math.max(...rgb)
  const least = Math.min(...rgb)
  if (most - least < 40) return most < 48 ? 0 : most < 144 ? 8 : most < 216 ? 7 : 15
  const bits = rgb.reduce((sum, value, i) => sum + (value > (most + least) / 2 ? 1 << i : 0), 0)
  return bits + (most > 200 ? 8 : 0)
}
