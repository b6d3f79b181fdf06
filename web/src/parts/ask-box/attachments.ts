import { bytes, plural } from '../../words/format.ts'

/** Kinds of files that a model may take. */
type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf'

/** File that is ready to be sent. */
export interface ReadyFile {
  filename: string
  mime: string
  /** Content as base64. */
  data: string
  /** Size of the content in bytes. */
  size: number
}

/** Limits of the files of a turn. */
export interface FileLimits {
  /** Most bytes of all files of a turn. */
  maxBytes: number
  /** Kinds that the model takes; unknown if the agent does not declare them. */
  accepts: readonly string[] | undefined
}

/** Size of a body that the gateway takes unless it is configured otherwise, in bytes. Base64 takes a third more. */
const bodyBytes = 33_554_432

/** Default of the agents' option `max_attachment_bytes`. */
const defaultBytes = 20_971_520

/** Fields of an agent that limit the files of its turns. */
interface AgentFields {
  models?: unknown
  max_attachment_bytes?: unknown
}

/** Returns the limits of the files for an agent. The first model is the one that turns use. */
export function limitsOf({ models, max_attachment_bytes: own }: AgentFields): FileLimits {
  const first: unknown = Array.isArray(models) ? models[0] : undefined
  const input = typeof first === 'object' && first !== null ? (first as { input?: unknown }).input : undefined
  const declared = Array.isArray(input) ? input.map(String) : ['text']
  return {
    maxBytes: Math.min(
      typeof own === 'number' ? own : defaultBytes,
      Math.floor((bodyBytes * 3) / 4) - 65_536,
    ),
    accepts: first === undefined ? undefined : declared,
  }
}

/** Returns the sentence that tells the limits before a file is chosen. */
export function limitWords({ maxBytes, accepts }: FileLimits): string {
  const kinds = accepts ? accepts.map((kind) => kindWords[kind] ?? kind).join(', ') : 'Files'
  const sentence = `${kinds} up to ${sizeWords(maxBytes)}`
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}

const kindWords: Readonly<Record<string, string>> = { text: 'text files', image: 'images', pdf: 'PDF' }

/** Returns a number of bytes in words. */
export const sizeWords = (size: number): string =>
  size < 1024 ? plural(size, 'byte') : bytes(size / 1_048_576)

/** Returns the reason why a file cannot be sent with others; `undefined` if it can be sent. */
export function refusalOf(
  file: Pick<ReadyFile, 'filename' | 'mime' | 'size'>,
  others: readonly Pick<ReadyFile, 'size'>[],
  { maxBytes, accepts }: FileLimits,
): string | undefined {
  const { filename, mime, size } = file
  const kind = modalityOf(mime)
  if (kind === undefined) return `${filename} is of a kind that no model takes (${mime || 'unknown'}).`
  if (accepts && kind !== 'text' && !accepts.includes(kind))
    return `${filename} cannot be sent: the agent’s model is not declared to take ${kind} input.`
  const sum = others.reduce((sum, other) => sum + other.size, size)
  if (sum > maxBytes)
    return `${filename} is too large: the files would have ${sizeWords(sum)}, and ${sizeWords(maxBytes)} may be sent.`
  return undefined
}

const textual =
  /^text\/|^application\/(json|xml|yaml|toml|sql|javascript|typescript|x-(sh|yaml|ndjson|toml|python|javascript|typescript))$|\+(json|xml|yaml)$/

/** Returns the kind of a media type, as the runtime sees it. */
export function modalityOf(mime: string): Modality | undefined {
  if (textual.test(mime)) return 'text'
  if (mime === 'application/pdf') return 'pdf'
  return (['image', 'audio', 'video'] as const).find((kind) => mime.startsWith(`${kind}/`))
}

/**
 * Returns the media type of a file. Browsers take `.ts` for video and know no type of many texts, so that the content
 * decides: what is text is sent as text.
 */
export function mimeOf(told: string, content: Uint8Array): string {
  const type = told.split(';')[0]?.trim().toLowerCase() ?? ''
  const kind = modalityOf(type)
  if (kind !== undefined && kind !== 'video') return type
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
