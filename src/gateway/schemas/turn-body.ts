import { z } from 'zod'
import { attachmentSchema } from '../../api/attachments.ts'
import { turnInputSchema, type TurnInput } from '../../api/turn-input.ts'
import { foreignId } from '../../config/schema-parts.ts'
import { lazily } from '../../config/validation.ts'

/** Returns a schema of some texts, whose message names them. */
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `expected ${values.map((value) => `'${value}'`).join(' or ')}`)

/** Model with its provider, as the wire names it. */
const namedModel = lazily(() =>
  z.union(
    [
      foreignId('expected a model id'),
      z.strictObject({ provider_id: foreignId(), model_id: foreignId() }, 'expected an object'),
    ],
    'expected a model id or { provider_id, model_id }',
  ),
)

/** Id of a session: a part of a path of the server, so that other characters could make another path. */
const sessionId = lazily(() => {
  const error = 'expected the id of a session, which begins with ses'
  return z.string(error).regex(/^ses[\w-]*$/, error)
})

const attachments = lazily(() =>
  z.array(attachmentSchema().extend({ data: z.base64('expected base64') }), 'expected a list of attachments'),
)

/** Body of the request for a turn: the input of a turn, without what is no JSON. */
export const turnBody = lazily(() => {
  const given = turnInputSchema().shape
  const { text, system, agent, variant, priority, resume, tools, context } = given
  return z.strictObject(
    {
      ...{ text, system, agent, variant, priority, resume, tools, context },
      session_id: sessionId().optional(),
      model: namedModel().optional(),
      directory: given.directory,
      attachments: attachments().optional(),
      trace_id: given.traceId,
      deadline_ms: given.deadlineMs,
      stall_ms: given.stallMs,
      max_retries: given.maxRetries,
      output: z.record(z.string(), z.unknown(), 'expected a JSON Schema').optional(),
      on_permission: oneOf(['reject', 'once', 'always', 'ask']).optional(),
      on_question: oneOf(['reject', 'ask']).optional(),
      on_disconnect: oneOf(['continue', 'cancel']).optional(),
    },
    'expected an object with a text',
  )
})

/** Body of the request for a turn, as {@link turnBody} returns it. */
export type TurnBody = z.output<ReturnType<typeof turnBody>>

/** Returns the input of a turn from the body of a request. */
export function inputOf(body: TurnBody): TurnInput {
  const { session_id, model, trace_id, deadline_ms, stall_ms, max_retries, ...more } = body
  const { on_permission, on_question, on_disconnect: _, ...same } = more
  const named = typeof model === 'object' ? { providerId: model.provider_id, modelId: model.model_id } : model
  return withoutUndefined({
    ...same,
    sessionId: session_id,
    model: named,
    traceId: trace_id ?? null,
    deadlineMs: deadline_ms,
    stallMs: stall_ms,
    maxRetries: max_retries,
    onPermission: on_permission,
    onQuestion: on_question,
  })
}

/** Returns the model that an input names, as text; `undefined` if the input names none. */
export function modelName({ model }: TurnBody): string | undefined {
  return typeof model === 'object' ? `${model.provider_id}/${model.model_id}` : model
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>
}
