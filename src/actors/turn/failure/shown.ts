import { unwrap } from './unwrap.ts'
import { untrusted } from './wordings/table.ts'

const trustHint =
  'the certificate of the endpoint is not trusted; set NODE_EXTRA_CA_CERTS in the option `env` to the file of its authority'

/**
 * Returns the part of a provider's message that says something: the innermost message, from its first line
 * with words on, with a remedy if there is one. The text still may have several lines, secrets and paths.
 */
export function shownMessage(message: string): string {
  const texts = unwrap(message).messages.reverse()
  const shown = texts.map(fromFirstWords).find((text) => text !== '') ?? ''
  return untrusted.some(({ pattern }) => pattern.test(message)) ? withHint(shown) : shown
}

function withHint(message: string): string {
  const line = message.split(/[\r\n]/, 1)[0] ?? ''
  return `${line.replace(/[.\s]+$/, '')}: ${trustHint}`
}

/** Returns a text from its first line with a word on; empty if no line has one. */
function fromFirstWords(text: string): string {
  const lines = text.split(/\r\n|[\r\n\u2028\u2029]/)
  const first = lines.findIndex((line) => /[\p{L}\p{N}]/u.test(line))
  return first < 0 ? '' : lines.slice(first).join('\n').trim()
}
