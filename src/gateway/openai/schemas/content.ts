import { z } from 'zod'
import { lazily } from '../../../config/validation.ts'

/** Returns a schema of objects that may have further fields, which have no effect. */
const loose = <S extends z.ZodRawShape>(shape: S, error = 'expected an object') => z.looseObject(shape, error)

const anyText = lazily(() => z.string('expected a text'))

const textPart = lazily(() => loose({ type: z.literal('text'), text: anyText() }))
const refusalPart = lazily(() => loose({ type: z.literal('refusal'), refusal: anyText() }))
const imagePart = lazily(() =>
  loose({
    type: z.literal('image_url'),
    image_url: loose({ url: anyText().describe('A `data:` URL in base64; the gateway fetches nothing') }),
  }),
)
const audioPart = lazily(() =>
  loose({
    type: z.literal('input_audio'),
    input_audio: loose({
      data: anyText().describe('Base64'),
      format: z.enum(['wav', 'mp3'], "expected 'wav' or 'mp3'"),
    }),
  }),
)
const filePart = lazily(() =>
  loose({
    type: z.literal('file'),
    file: loose({
      file_data: anyText().describe('A `data:` URL in base64').nullish(),
      filename: anyText().nullish(),
      file_id: anyText().describe('Not supported: the gateway stores no files').nullish(),
    }),
  }),
)

/** Part of the content of a message. */
export type ContentPart =
  | z.output<ReturnType<typeof textPart>>
  | z.output<ReturnType<typeof refusalPart>>
  | z.output<ReturnType<typeof imagePart>>
  | z.output<ReturnType<typeof audioPart>>
  | z.output<ReturnType<typeof filePart>>

/** Content of a message. */
export type Content = string | readonly ContentPart[]

const orText = <T extends z.ZodType>(part: T) =>
  z.union(
    [anyText(), z.array(part, 'expected a text or a list of parts')],
    'expected a text or a list of parts',
  )

const onlyText = lazily(() =>
  orText(z.discriminatedUnion('type', [textPart()], "expected a part of the type 'text'")),
)
const userContent = lazily(() =>
  orText(
    z.discriminatedUnion(
      'type',
      [textPart(), imagePart(), audioPart(), filePart()],
      "expected a part of the type 'text', 'image_url', 'input_audio' or 'file'",
    ),
  ),
)
const assistantContent = lazily(() =>
  orText(
    z.discriminatedUnion(
      'type',
      [textPart(), refusalPart()],
      "expected a part of the type 'text' or 'refusal'",
    ),
  ),
)

/** Call of a tool in a message of another model. */
const toolCall = lazily(() =>
  loose(
    { function: loose({ name: anyText(), arguments: anyText() }).optional() },
    'expected a call of a tool',
  ),
)

/** Message of a conversation. */
export const chatMessage = lazily(() =>
  z.discriminatedUnion(
    'role',
    [
      loose({ role: z.literal('system'), content: onlyText() }),
      loose({ role: z.literal('developer'), content: onlyText() }),
      loose({ role: z.literal('user'), content: userContent() }),
      loose({
        role: z.literal('assistant'),
        content: assistantContent().nullish(),
        tool_calls: z.array(toolCall(), 'expected a list of calls').nullish(),
      }),
      loose({ role: z.literal('tool'), content: onlyText() }),
      loose({ role: z.literal('function'), content: onlyText().nullable() }),
    ],
    "expected a message of the role 'system', 'developer', 'user', 'assistant' or 'tool'",
  ),
)

/** Message of a conversation, as {@link chatMessage} returns it. */
export type ChatMessage = z.output<ReturnType<typeof chatMessage>>
