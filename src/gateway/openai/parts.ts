import type { TurnBody } from '../schemas/turn-body.ts'
import { badField } from './bad-request.ts'
import type { Content, ContentPart } from './schemas/content.ts'

/** File for the model. */
export type File = NonNullable<TurnBody['attachments']>[number]

/** Text and files of a message. */
export interface Parts {
  text: string
  files: File[]
}

/**
 * Returns the text and the files of a content.
 *
 * @param where - field of the request, for errors
 * @throws ProblemError 400 that names the part, for a file that is no `data:` URL in base64
 */
export function partsOf(content: Content | null | undefined, where: string): Parts {
  if (typeof content === 'string') return { text: content, files: [] }
  const parts = content ?? []
  const texts = parts.flatMap((part) => textOf(part) ?? [])
  const files = parts.flatMap((part, i) => fileOf(part, `${where}[${i}]`) ?? [])
  return { text: texts.join('\n\n'), files }
}

function textOf(part: ContentPart): string | undefined {
  if (part.type === 'text') return part.text
  return part.type === 'refusal' ? part.refusal : undefined
}

function fileOf(part: ContentPart, where: string): File | undefined {
  if (part.type === 'image_url')
    return ofURL(part.image_url.url, `${where}.image_url.url`, 'invalid_image_url')
  if (part.type === 'file') return namedFile(part.file, `${where}.file`)
  if (part.type !== 'input_audio') return undefined
  const { data, format } = part.input_audio
  if (!isBase64(data)) throw badField(`${where}.input_audio.data`, 'invalid_value', 'expected base64')
  return { mime: format === 'mp3' ? 'audio/mpeg' : 'audio/wav', data }
}

type GivenFile = Extract<ContentPart, { type: 'file' }>['file']

function namedFile({ file_data, filename, file_id }: GivenFile, where: string): File {
  if (file_data == null)
    throw badField(
      file_id == null ? `${where}.file_data` : `${where}.file_id`,
      'unsupported_value',
      'expected file_data: the gateway stores no files',
    )
  const file = ofURL(file_data, `${where}.file_data`, 'invalid_value')
  return filename == null || filename === '' ? file : { ...file, filename }
}

/** Returns the file in a `data:` URL. Parameters of its media type, such as a charset, are left out. */
function ofURL(url: string, where: string, code: string): File {
  const comma = url.indexOf(',')
  const head = /^data:([^;,]+)((?:;[^;,]*)*);base64$/i.exec(url.slice(0, Math.max(comma, 0)))
  if (!head?.[1]) throw badField(where, code, 'expected a data: URL in base64: the gateway fetches nothing')
  const data = url.slice(comma + 1)
  if (!isBase64(data)) throw badField(where, code, 'expected base64 after the comma of the data: URL')
  return { mime: head[1].toLowerCase(), data }
}

/** Returns whether a text is base64. A turn refuses any other text, without the name of the message's part. */
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
