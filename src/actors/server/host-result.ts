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
  if (content && (value as { isError?: unknown }).isError === true) throw new Error(output)
  const attachments = parts.flatMap((part) =>
    part.type === 'image'
      ? [{ type: 'file' as const, mime: part.mimeType, url: `data:${part.mimeType};base64,${part.data}` }]
      : [],
  )
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

/** Returns a value as text: JSON, except for a text. A function that returns nothing gives an empty text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined) return ''
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`A ${typeof value} has no JSON`)
  return text
}
