import type { HostAnswer } from '../../io/opencode/host-endpoint.ts'

/**
 * Maximum size of a result with its images, in bytes.
 *
 * @remarks Observed in opencode: a text of more than 50 KiB or 2 000 lines goes into a file. The model gets the
 * first lines, as many as fit, and the name of the file; 5 MB in one line leave only the name.
 */
const maxBytes = 10 * 1024 * 1024

type Part = { type: 'text'; text: string } | { type: 'image'; data: string; mimeType: string }

/**
 * Returns what a host tool returned in the form of opencode: a text, content in the form of MCP, or JSON.
 *
 * @throws Error with a message for the model if the result is too large, has no JSON, or is an error of MCP
 */
export function hostResult(value: unknown): Exclude<HostAnswer, { error: string }> {
  const content = contentOf(value)
  const parts: Part[] = content ?? [{ type: 'text', text: textOf(value) }]
  const output = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
  if (isFailure(value)) throw new Error(output)
  const attachments = parts.flatMap((part) => (part.type === 'image' ? [fileOf(part)] : []))
  const bytes = attachments.reduce((sum, { url }) => sum + url.length, Buffer.byteLength(output))
  if (bytes > maxBytes) throw new Error(`The result has ${bytes} bytes; at most ${maxBytes} are possible`)
  // An empty list takes opencode a few ms.
  return attachments.length > 0 ? { output, attachments } : { output }
}

/** Returns the content of a value in the form of MCP; `undefined` for any other value. */
function contentOf(value: unknown): Part[] | undefined {
  const { content } = Object(value) as { content?: unknown }
  return Array.isArray(content) && content.length > 0 && content.every(isPart) ? content : undefined
}

function isPart(value: unknown): value is Part {
  const { type, text, data, mimeType } = Object(value) as Record<string, unknown>
  if (type === 'text') return typeof text === 'string'
  return type === 'image' && typeof data === 'string' && typeof mimeType === 'string'
}

/** Returns whether a value is an error of MCP, whatever the kinds of its content. */
function isFailure(value: unknown): boolean {
  const { content, isError } = Object(value) as { content?: unknown; isError?: unknown }
  return Array.isArray(content) && isError === true
}

/**
 * Returns an image as a file of opencode.
 *
 * @throws Error if the image has another media type, or data that is no base64
 * @remarks Observed in opencode: a file of another type reaches the model as base64 in a text, and an image that cannot be
 * decoded is left out, while the call counts as a success.
 */
function fileOf({ data, mimeType }: Part & { type: 'image' }) {
  if (!/^image\/[\w.+-]+$/.test(mimeType))
    throw new Error(
      `The result has an image of type ${JSON.stringify(mimeType)}; expected one such as image/png`,
    )
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data))
    throw new Error('The data of an image of the result is not base64')
  return { type: 'file' as const, mime: mimeType, url: `data:${mimeType};base64,${data}` }
}

/** Returns a value as text: JSON, except for a text. A function that returns nothing gives an empty text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined) return ''
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`A ${typeof value} has no JSON`)
  if (text === '{}' && !isRecord(value))
    throw new TypeError(`A ${classOf(value)} has no JSON; return its content`)
  return text
}

/** Returns whether the class of a value has no parent: a plain object, of any realm, or one without a prototype. */
function isRecord(value: unknown): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Returns the name of an object's class, such as `Response` or `Map`. */
const classOf = (value: unknown): string => (value as { constructor: { name: string } }).constructor.name
