/**
 * Returns the names of classes and of custom properties in styles, except for a class whose name a script puts together
 * from parts, such as `badge-${tone}`. A name of one word stays, because it could stand for anything in a script.
 *
 * @param styles - text of all styles
 * @param scripts - text of all scripts
 */
export function namesIn(styles: string, scripts: string): string[] {
  const beginnings = [...scripts.matchAll(/([\w-]+-)\$\{/g)].map(([, beginning = '']) => beginning)
  const isWhole = (name: string): boolean => !beginnings.some((beginning) => name.startsWith(beginning))
  const found = [...styles.matchAll(/(?<=\.)[a-z]\w*(?:-\w+)+|--[a-z][\w-]*/g)].map(([name]) => name)
  return [...new Set(found)].filter((name) => name.startsWith('--') || isWhole(name))
}

/** Returns short names by the long ones, in the order of the long ones. */
export function shortNames(names: readonly string[], keep: readonly string[]): Map<string, string> {
  return new Map(
    names
      .filter((name) => !keep.includes(name))
      .map((name, i) => [name, `${name.startsWith('--') ? '--' : ''}${letters(i)}`]),
  )
}

/** Returns a number as two letters or more, which no element and no keyword of CSS is named by. */
const letters = (index: number): string => `_${index.toString(36)}`

/** Returns a style or a script with the short names: of whole words in strings, and after the dots of selectors. */
export const withShortNames = (code: string, names: ReadonlyMap<string, string>): string =>
  code.replace(/(?<![\w-])(?:--)?[a-z]\w*(?:-\w+)*(?![\w-])/g, (name, at: number) => {
    const isProperty = name.startsWith('--')
    const isClass = /[.'"` ]/.test(code.charAt(at - 1)) && /[^=(]/.test(code.charAt(at + name.length))
    return isProperty || isClass ? (names.get(name) ?? name) : name
  })
