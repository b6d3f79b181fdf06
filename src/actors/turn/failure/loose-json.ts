/** Value that was read, and the index after its last character. */
interface Read {
  value: unknown
  end: number
}

const deepest = 12
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['null', null],
  ['None', null],
])

/**
 * Returns the object or list at the start of a text, as JSON or as Python writes a dict, and the text after
 * the value; `undefined` if the text starts with neither. A value whose end was cut off counts as far as it
 * goes.
 */
export function readLoose(text: string): { value: unknown; rest: string } | undefined {
  const read = text[0] === '{' || text[0] === '[' ? readValue(text, 0, 0) : undefined
  return read && { value: read.value, rest: text.slice(read.end) }
}

/** Returns the quoted text at the start of a text; `undefined` if the text does not start with a quote. */
export function readQuoted(text: string): string | undefined {
  const read = readText(text, 0)
  return read && String(read.value)
}

function readValue(text: string, at: number, depth: number): Read | undefined {
  if (depth > deepest) return undefined
  if (text[at] === '{') return readObject(text, at, depth)
  if (text[at] === '[') return readList(text, at, depth)
  if (text[at] === '"' || text[at] === "'") return readText(text, at)
  const [word = ''] = /^[\w.+-]+/.exec(text.slice(at, at + 40)) ?? []
  if (words.has(word)) return { value: words.get(word), end: at + word.length }
  return word === '' || Number.isNaN(Number(word))
    ? undefined
    : { value: Number(word), end: at + word.length }
}

function readObject(text: string, start: number, depth: number): Read | undefined {
  const value: Record<string, unknown> = {}
  let at = skipSpace(text, start + 1)
  while (at < text.length && text[at] !== '}') {
    const key = readText(text, at)
    if (!key) return undefined
    const colon = skipSpace(text, key.end)
    if (colon >= text.length) break
    const member = text[colon] === ':' ? readValue(text, skipSpace(text, colon + 1), depth + 1) : undefined
    if (!member) return undefined
    Object.defineProperty(value, String(key.value), { value: member.value, enumerable: true })
    at = skipComma(text, member.end)
  }
  return { value, end: Math.min(at + 1, text.length) }
}

function readList(text: string, start: number, depth: number): Read | undefined {
  const value: unknown[] = []
  let at = skipSpace(text, start + 1)
  while (at < text.length && text[at] !== ']') {
    const item = readValue(text, at, depth + 1)
    if (!item) return undefined
    value.push(item.value)
    at = skipComma(text, item.end)
  }
  return { value, end: Math.min(at + 1, text.length) }
}

/** Returns the quoted text that starts at an index. Text without an end counts as far as it goes. */
function readText(text: string, start: number): Read | undefined {
  const quote = text[start]
  if (quote !== '"' && quote !== "'") return undefined
  let value = ''
  let at = start + 1
  for (; at < text.length && text[at] !== quote; at++) {
    if (text[at] !== '\\') value += text[at] ?? ''
    else {
      const [code, length] = escapeAt(text, at + 1)
      value += code
      at += length
    }
  }
  return { value, end: Math.min(at + 1, text.length) }
}

/** Returns the character that an escape stands for, and the length of the escape after its backslash. */
function escapeAt(text: string, at: number): [string, number] {
  const hex = /^u([\da-f]{4})/i.exec(text.slice(at, at + 5))?.[1]
  if (hex !== undefined) return [String.fromCharCode(parseInt(hex, 16)), 5]
  const letter = text[at] ?? ''
  return [escapes[letter] ?? letter, 1]
}

/** Skips white space, and the escapes of white space in Python's form of bytes. */
function skipSpace(text: string, start: number): number {
  let at = start
  for (;;) {
    if (/\s/.test(text[at] ?? '')) at += 1
    else if (/^\\[nrt]/.test(text.slice(at, at + 2))) at += 2
    else return at
  }
}

function skipComma(text: string, start: number): number {
  const at = skipSpace(text, start)
  return text[at] === ',' ? skipSpace(text, at + 1) : at
}
