import { isFields } from '../../../io/opencode/wire.ts'
import { readLoose, readQuoted } from './loose-json.ts'

/** Contents of a provider's message, after every wrapper was removed. */
export interface Unwrapped {
  /** Messages from the outermost to the innermost; at least one. */
  messages: string[]
  /** Values of `type`, `code` and `status` of the error objects, and names of LiteLLM's exceptions. */
  codes: string[]
  /** True if the message holds an error object. */
  hasObject: boolean
}

const deepest = 16
/** Number of characters of a message that are searched. */
const longest = 100_000
/** Number of brackets that may be tried as the start of an error object. */
const mostStarts = 8

/**
 * Returns the messages and the codes inside a provider's message: in JSON, also in pretty-printed or escaped
 * JSON, in Python's form of a dict, in a frame of a stream, and after LiteLLM's names of exceptions.
 */
export function unwrap(message: string): Unwrapped {
  const found: Unwrapped = { messages: [], codes: [], hasObject: false }
  addText(message.slice(0, longest), found, 0)
  return found
}

function addText(text: string, found: Unwrapped, depth: number): void {
  found.messages.push(text)
  found.codes.push(...exceptionsOf(text))
  const value = depth < deepest ? objectIn(text) : undefined
  if (value === undefined) return
  found.hasObject = true
  addValue(value, found, depth + 1)
}

function addValue(value: unknown, found: Unwrapped, depth: number): void {
  if (depth > deepest) return
  if (typeof value === 'string' && value.trim() !== '') addText(value, found, depth)
  if (!isFields(value)) return
  if (Array.isArray(value)) return addValue(value[0], found, depth)
  for (const key of ['type', 'code', 'status', 'error_code'])
    if (typeof value[key] === 'string' || typeof value[key] === 'number') found.codes.push(String(value[key]))
  for (const key of ['message', 'msg', 'detail', 'details', 'error', 'errors'])
    if (key in value) addValue(value[key], found, depth + 1)
  for (const key of ['innererror', 'metadata', 'raw'])
    if (key in value) addValue(value[key], found, depth + 1)
}

/** Returns the names of exceptions before a message: `litellm.BadRequestError: BadRequestError: …`. */
function exceptionsOf(text: string): string[] {
  const [prefix = ''] =
    /^\s*(?:(?:\w+\.)*\w*(?:Error|Timeout|Exception)\b\s*:\s*)+/.exec(text.slice(0, 500)) ?? []
  return prefix.match(/\w*(?:Error|Timeout|Exception)\b/g) ?? []
}

const reasons =
  'Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Unprocessable Entity|Too Many Requests|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout'
const exception = String.raw`(?:\w+\.)*\w*(?:Error|Exception|Timeout)\b[\w ]{0,40}`
const prefixes = new RegExp(String.raw`^\s*(?:(?:${reasons}|${exception})\s*[:-]\s*)+`)

/** Returns a message without the names of exceptions and the reason of the HTTP status before it. */
export const withoutPrefix = (message: string): string =>
  message.replace(prefixes.exec(message.slice(0, 500))?.[0] ?? '', '').trim()

/** Returns the error object that a text consists of, or ends with; `undefined` if there is none. */
function objectIn(text: string): unknown {
  let at = text.search(/[{[]/)
  for (let starts = 0; at >= 0 && starts < mostStarts; starts++) {
    const value = isIntroduced(text, at) ? errorAt(text, at) : undefined
    if (value !== undefined) return value
    const next = text.slice(at + 1).search(/[{[]/)
    at = next < 0 ? -1 : at + 1 + next
  }
  return undefined
}

/** Returns the error object at an index, also as Python's bytes, in which everything is escaped once more. */
function errorAt(text: string, at: number): unknown {
  const read = readObject(text.slice(at))
  if (read && isError(read.value, at > 0) && isRest(read.rest)) return read.value
  const inner = /["']/.test(text[at - 1] ?? '') ? readQuoted(text.slice(at - 1)) : undefined
  const quoted = inner === undefined ? undefined : readObject(inner)
  return quoted && isError(quoted.value, true) ? quoted.value : undefined
}

/** Reads the object at the start of a text, also an object whose quotes are all escaped: `{\"error\": …}`. */
function readObject(text: string): ReturnType<typeof readLoose> {
  const isEscaped = /^[{[]\s*(?:[{[]\s*)?(?:\\n\s*)*\\["']/.test(text.slice(0, 80))
  return readLoose(isEscaped ? text.replace(/\\(["'\\/])/g, '$1') : text)
}

/** Returns whether the text before an object only introduces the object. */
const isIntroduced = (text: string, at: number): boolean =>
  /(?:^|[:\-=>[(\n])\s*b?["'`]?\s*$/.test(text.slice(Math.max(0, at - 40), at))

/** Returns whether the text after an object says nothing about the failure. */
const isRest = (after: string): boolean =>
  /^(?:[\s"'`.,;)\]}]|\\n)*(?:$|Received Model|Available Model|Handle with|LiteLLM Retried|model=)|^[^\S\n]*[."'`\]]*\n/.test(
    after,
  )

/**
 * Returns whether a value is an error: an object with a message, or a list that begins with one. A quoted
 * object, after other text, needs a further sign, because the text may quote a request.
 */
function isError(value: unknown, isQuoted: boolean): boolean {
  if (Array.isArray(value)) return isError(value[0], isQuoted)
  if (!isFields(value)) return false
  const keys = Object.keys(value)
  if (typeof value['error'] === 'string' || isFields(value['error'])) return true
  const hasMessage = ['message', 'msg', 'detail', 'errors'].some(
    (key) => typeof value[key] === 'string' || Array.isArray(value[key]),
  )
  const hasSign =
    keys.length === 1 || keys.some((key) => /^(?:code|type|status|object|error_code)$/.test(key))
  return hasMessage && (hasSign || !isQuoted)
}
