import { bytes, plural } from '../../words/format.ts'

/** File that is ready to be sent. */
export interface ReadyFile {
  filename: string
  mime: string
  /** Content as base64. */
  data: string
  /** Size of the content in bytes. */
  size: number
}

/** Size of the files that the gateway takes in a body unless it is configured otherwise: base64 takes a third more. */
const bodyBytes = 25_000_000

/** Default of the agents' option `max_attachment_bytes`. */
const defaultBytes = 20_971_520

/** Returns the most bytes of all files of a turn of an agent. */
export function mostBytesOf(agent: object): number {
  const own = 'max_attachment_bytes' in agent ? agent.max_attachment_bytes : undefined
  return Math.min(typeof own === 'number' ? own : defaultBytes, bodyBytes)
}

/** Returns a number of bytes in words. */
export const sizeWords = (size: number): string =>
  size < 1024 ? plural(size, 'byte') : bytes(size / 1_048_576)

/** Returns the reason why a file cannot be sent with others; `undefined` if the gateway decides. */
export function refusalOf(
  { filename, mime, size }: Pick<ReadyFile, 'filename' | 'mime' | 'size'>,
  others: readonly Pick<ReadyFile, 'size'>[],
  mostBytes: number,
): string | undefined {
  if (!usual.test(mime)) return `${filename} is of a kind that no model takes (${mime || 'unknown'}).`
  const sum = others.reduce((sum, other) => sum + other.size, size)
  return sum > mostBytes
    ? `${filename} is too large: at most ${sizeWords(mostBytes)} may be sent.`
    : undefined
}

const textual = /^text\/|\b(json|xml|yaml|toml|sql|(java|type)script|x-sh|x-python)$/

/** Kinds of files that models take. */
const usual = new RegExp(`${textual.source}|^(image|audio|video)/|/pdf$`)

/**
 * Returns the media type of a file. Browsers take `.ts` for video and know no type of many texts, so that the content
 * decides: what is text is sent as text.
 */
export function mimeOf(told: string, content: Uint8Array): string {
  const type = told.split(';')[0]?.trim().toLowerCase() ?? ''
  if (usual.test(type) && !type.startsWith('video/')) return type
  return isText(content) ? 'text/plain' : type
}

function isText(content: Uint8Array): boolean {
  if (content.includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content)
    return true
  } catch {
    return false
  }
}

/** Characters of a chunk that the encoder takes at once: as many arguments as any browser passes. */
const chunk = 0x8000

/** Returns bytes as base64. */
export function base64Of(content: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < content.length; at += chunk)
    binary += String.fromCharCode(...content.subarray(at, at + chunk))
  return btoa(binary)
}
