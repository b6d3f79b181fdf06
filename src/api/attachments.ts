import { z } from 'zod'
import { InvalidOptionsError } from '../errors.ts'
import type { ModelRef, PromptPart } from '../io/opencode/client.ts'
import type { Modality, ResolvedOptions } from '../config/options.ts'
import { text } from '../config/schema-parts.ts'
import { lazily } from '../config/validation.ts'

/** File sent with a prompt. */
export interface Attachment {
  /** Media type: `image/png`, `application/pdf`, `text/markdown` … */
  mime: string
  /** Content as bytes or base64. */
  data: Uint8Array | string
  /** Name of the file, as the model sees it. */
  filename?: string | undefined
}

const mediaType = lazily(() => {
  const error = 'expected a media type such as image/png'
  return z.string(error).regex(/^[\w.+-]+\/[\w.+-]+$/, error)
})
/** Schema of one attachment. @internal */
export const attachmentSchema = lazily(() =>
  z.strictObject(
    {
      mime: mediaType(),
      data: z.union([z.instanceof(Uint8Array), z.base64('expected base64')], 'expected bytes or base64'),
      filename: text().optional(),
    },
    'expected an object with mime and data',
  ),
)

/** Schema of a turn's attachments. @internal */
export const attachmentsSchema = lazily(() => z.array(attachmentSchema(), 'expected a list of attachments'))

/**
 * Returns attachments as parts of a prompt, checked before the prompt is sent.
 *
 * @internal
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`). The message names the attachment and the
 * remedy.
 * @remarks Observed in opencode: a kind of file that the model does not declare is dropped silently;
 * an unknown media type fails the whole turn.
 */
export function fileParts(
  files: readonly Attachment[],
  model: ModelRef,
  options: ResolvedOptions,
): PromptPart[] {
  const { maxAttachmentBytes } = options
  const bytes = files.reduce((sum, { data }) => sum + sizeOf(data), 0)
  if (bytes > maxAttachmentBytes)
    throw new InvalidOptionsError(
      `Invalid turn input attachments: expected at most ${maxAttachmentBytes} bytes in total (option maxAttachmentBytes), got ${bytes}`,
    )
  return files.map((file, i) => filePart(file, `attachments[${i}]`, acceptedBy(model, options)))
}

const sizeOf = (data: Uint8Array | string): number =>
  typeof data === 'string' ? Buffer.byteLength(data, 'base64') : data.byteLength

/** Returns the modalities that a model declares, or `undefined` if the options do not define the model. */
function acceptedBy(
  { providerId, modelId }: ModelRef,
  { proxy, models }: ResolvedOptions,
): readonly Modality[] | undefined {
  if (providerId !== proxy.providerId) return undefined
  const declared = models.find(({ id }) => id === modelId)
  return declared && (declared.input ?? ['text'])
}

function filePart(
  { mime, data, filename }: Attachment,
  where: string,
  accepted: readonly Modality[] | undefined,
): PromptPart {
  const kind = modalityOf(mime)
  if (kind === undefined)
    throw new InvalidOptionsError(
      `Invalid turn input ${where}.mime: expected the media type of text, an image, audio, video or a PDF, got ${JSON.stringify(mime)}`,
    )
  if (kind !== 'text' && accepted && !accepted.includes(kind))
    throw new InvalidOptionsError(
      `Invalid turn input ${where}: the model is not declared to accept ${kind} input; if the model accepts such input, set input: ['text', '${kind}'] in the option models`,
    )
  const wireMime = wireType(mime, kind)
  if (accepted && !isSent(wireMime, kind))
    throw new InvalidOptionsError(
      `Invalid turn input ${where}.mime: opencode sends ${sentTypes[kind] ?? kind} to an OpenAI-compatible endpoint, got ${JSON.stringify(mime)}`,
    )
  const base64 = typeof data === 'string' ? data : Buffer.from(data).toString('base64')
  const url = `data:${wireMime};base64,${base64}`
  return { type: 'file', mime: wireMime, url, ...(filename !== undefined && { filename }) }
}

/**
 * Media types that opencode sends to an endpoint, by kind; every other kind is sent with any type.
 *
 * @remarks Observed in opencode with `@ai-sdk/openai-compatible`: any other audio and any video fails
 * the turn, and every later turn of the session, because the file stays in the session.
 */
const sentTypes: Partial<Record<Modality, string>> = {
  audio: 'only audio/wav and audio/mpeg of all audio',
  video: 'no video',
}
const isSent = (mime: string, kind: Modality): boolean =>
  kind === 'audio' ? /^audio\/(wav|mpeg|mp3)$/.test(mime) : kind !== 'video'

/**
 * Returns the media type under which opencode sends a file: text of a type other than plain fails the turn,
 * and WAV is known by one of its names only.
 */
function wireType(mime: string, kind: Modality): string {
  if (kind === 'text') return 'text/plain'
  return /^audio\/(x-wav|wave|vnd\.wave)$/.test(mime) ? 'audio/wav' : mime
}

const textual =
  /^text\/|^application\/(json|xml|yaml|toml|sql|javascript|typescript|x-(sh|yaml|ndjson|toml|python|javascript|typescript))$|\+(json|xml|yaml)$/

function modalityOf(mime: string): Modality | undefined {
  if (textual.test(mime)) return 'text'
  if (mime === 'application/pdf') return 'pdf'
  return (['image', 'audio', 'video'] as const).find((kind) => mime.startsWith(`${kind}/`))
}
