/** Part of a text: characters as they are, or a label in place of characters that cannot be seen. */
export type Segment = { text: string } | { mark: string; title: string }

/** Control characters except tab and line feed, and characters that have no shape of their own. */
const hidden = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]/u
const hiddenRuns = new RegExp(`(${hidden.source})\\1*`, 'gu')

/** Most labels in one text. Further characters become the replacement character, so that the page stays small. */
const mostMarks = 100

/** Names of the characters that texts are forged with; any other one is told by its number. */
const names: Readonly<Record<number, string>> = {
  0x200b: 'zero-width space',
  0x202c: 'end of embedding or override',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
}

/** Returns a text in parts, with a label for each character that changes how the text looks but cannot be seen. */
export function segmentsOf(text: string): Segment[] {
  if (!hidden.test(text)) return text === '' ? [] : [{ text }]
  const segments: Segment[] = []
  let marks = 0
  let plain = ''
  let end = 0
  for (const { 0: run, 1: char = '', index } of text.matchAll(hiddenRuns)) {
    plain += text.slice(end, index)
    end = index + run.length
    if (isUsual(text, index, run)) plain += run
    else if (++marks > mostMarks) plain += '\u{fffd}'
    else {
      if (plain !== '') segments.push({ text: plain })
      plain = ''
      segments.push(markOf(char, run.length / char.length))
    }
  }
  plain += text.slice(end)
  if (plain !== '') segments.push({ text: plain })
  return segments
}

/** Returns a text as one string, with the labels in brackets: for titles and names, which have no markup. */
export const visibleText = (text: string): string =>
  segmentsOf(text)
    .map((part) => ('text' in part ? part.text : `[${part.mark}]`))
    .join('')

function markOf(char: string, count: number): Segment {
  const code = char.codePointAt(0) ?? 0
  const id = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  const times = count === 1 ? '' : ` × ${count}`
  // The block of pictures of control characters begins at U+2400.
  const mark = code < 0x20 ? String.fromCharCode(0x2400 + code) : id
  const name = names[code] ?? (code < 0xa0 ? 'control character' : 'invisible character')
  return { mark: mark + times, title: `${name} (${id})${times}` }
}

const emoji = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\u{fe0f}#*0-9]$/u
const pictograph = /^\p{Extended_Pictographic}/u
const joining = /^[\p{L}\p{M}]$/u
const alphabetic = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}]$/u

/** Returns whether an invisible character stands where a language or an emoji needs the character. */
function isUsual(text: string, index: number, run: string): boolean {
  if (run.length !== 1) return false
  const before = text.slice(Math.max(0, index - 2), index)
  const after = text.slice(index + 1, index + 3)
  if (run === '\u{fe0e}' || run === '\u{fe0f}') return emoji.test(before)
  if (run === '\u{200d}' && emoji.test(before) && pictograph.test(after)) return true
  return (run === '\u{200c}' || run === '\u{200d}') && joinsLetters(before, after)
}

/** Joiners are part of the spelling of some scripts, such as Arabic and Devanagari. */
function joinsLetters(before: string, after: string): boolean {
  const [last = '', first = ''] = [Array.from(before).at(-1), Array.from(after)[0]]
  return [last, first].every((char) => joining.test(char) && !alphabetic.test(char))
}
