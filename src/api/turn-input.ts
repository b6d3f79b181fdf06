import { z } from 'zod'
import type { TurnPlan } from '../actors/turn/turn-record.ts'
import { modelOf } from '../actors/turn/model.ts'
import { attachmentsSchema, fileParts, type Attachment } from './attachments.ts'
import { turnLimits } from '../config/option-schema.ts'
import {
  abortSignal,
  absolute,
  flag,
  foreignId,
  positiveMs,
  sessionId,
  text,
  turnId,
} from '../config/schema-parts.ts'
import { schemaInput } from '../config/schema-input.ts'
import type { ObjectSchema } from '../config/schema-types.ts'
import { lazily, parse } from '../config/validation.ts'
import type { PermissionPolicy, QuestionPolicy, ResolvedOptions } from '../config/options.ts'
import type { TurnErrorCode } from '../replies.ts'
import { firstLine } from '../util/messages.ts'

/**
 * Input of a turn. Omitted fields come from the server's options. `S` is the type of `output`, which is
 * inferred.
 */
export interface TurnInput<S extends ObjectSchema | undefined = ObjectSchema | undefined> {
  /** Prompt. */
  text: string
  /**
   * Id of the turn: 1 to 128 letters, digits, `_` or `-`. A turn with the id of
   * another turn is `rejected` until nothing of that turn is left on the server, shortly after its terminal reply.
   *
   * @defaultValue a random id
   */
  turnId?: string
  /** Trace id, repeated in every reply. */
  traceId?: string | null
  /**
   * Priority of the turn among the waiting turns of its tenant in a fleet: 0 to 9, higher first. Each minute of waiting
   * counts as one step. A server of its own ignores the priority.
   *
   * @defaultValue `5`
   */
  priority?: number
  /**
   * Id of the session to continue.
   *
   * @defaultValue a new session
   */
  sessionId?: string
  /** Working directory of the agent. Absolute; must exist. A session keeps its own directory. */
  directory?: string
  /**
   * Agent of opencode that answers, such as `build` or `plan`.
   *
   * @defaultValue the agent of the session, else opencode's default
   */
  agent?: string
  /**
   * Model of the turn. A plain id means a model of the proxy.
   *
   * @defaultValue the first of `models`
   */
  model?: string | { providerId: string; modelId: string }
  /** System prompt, placed before the agent's own. */
  system?: string
  /** Variant of the model, such as a reasoning effort, as the model's config names the variant. */
  variant?: string
  /** Files for the model. The model's `input` must name their kind, except for text. */
  attachments?: Attachment[]
  /**
   * Time limit from `turn()` to the terminal reply, including the wait for the server, in ms.
   *
   * @defaultValue the option `turnDeadlineMs`
   */
  deadlineMs?: number
  /**
   * Time limit without progress, in ms.
   *
   * @defaultValue the option `turnStallMs`
   */
  stallMs?: number
  /**
   * Maximum number of retries by the provider, and of further prompts for an answer that fits `output`.
   *
   * @defaultValue the option `maxRetries`
   */
  maxRetries?: number
  /**
   * `true` to send the prompt again to the next server if this server dies before any tool ran, that is, with
   * nothing but text so far. `status$` emits the retry. The text of the lost attempt is not part of
   * `final.content`.
   *
   * @defaultValue `false`
   */
  resume?: boolean
  /**
   * Schema of the answer: a Standard Schema that gives JSON Schema (such as zod's `z.object`), or a plain JSON
   * Schema; always of an object. The answer is JSON, and `turn.output` resolves with its validated value. The
   * model is asked again for an answer that does not fit, at most `maxRetries` times; then the turn ends with
   * the code `invalid_output`.
   *
   * @defaultValue an answer in words
   */
  output?: S
  /**
   * Answer to the agent's permission requests.
   *
   * @defaultValue the option `onPermission`
   */
  onPermission?: PermissionPolicy
  /**
   * Answer to the agent's questions.
   *
   * @defaultValue the option `onQuestion`
   */
  onQuestion?: QuestionPolicy
  /** Signal that cancels the turn. */
  signal?: AbortSignal
  /**
   * Tools that the turn hides: `{ bash: false }` hides a tool of opencode, `{ lookup_order: false }` a host
   * tool, `{ '*': false }` all tools. Only `false` has an effect. The next turn of the session offers the tools
   * again. A name that neither opencode nor the host knows is reported to the `logger`, once, because the tool may be
   * that of an MCP server or a plugin.
   */
  tools?: Readonly<Record<string, boolean>>
  /** Value for the host tools, which get the same object as `call.context`. Never sent or logged. */
  context?: unknown
}

const priorityExpected = 'expected a whole number from 0 to 9'

const model = lazily(() =>
  z.union(
    [
      foreignId('expected a model id'),
      z.strictObject({ providerId: foreignId(), modelId: foreignId() }, 'expected an object'),
    ],
    'expected a model id or { providerId, modelId }',
  ),
)

/** Schema of a turn's input. @internal */
export const turnInputSchema = lazily(() =>
  z.strictObject(
    {
      text: text('expected a prompt that is not empty'),
      turnId: turnId().optional(),
      traceId: z.string('expected a string or null').nullish(),
      priority: z.int(priorityExpected).min(0, priorityExpected).max(9, priorityExpected).optional(),
      sessionId: sessionId().optional(),
      directory: absolute().optional(),
      agent: text().optional(),
      model: model().optional(),
      system: z.string('expected a string').optional(),
      variant: text().optional(),
      attachments: attachmentsSchema().optional(),
      deadlineMs: positiveMs().optional(),
      stallMs: positiveMs().optional(),
      maxRetries: turnLimits().maxRetries.optional(),
      resume: flag().optional(),
      output: z.unknown().optional(),
      onPermission: turnLimits().onPermission.optional(),
      onQuestion: turnLimits().onQuestion.optional(),
      signal: abortSignal().optional(),
      tools: z.record(text(), flag(), 'expected an object of tools').optional(),
      context: z.unknown().optional(),
    },
    'expected a string or an object with a text',
  ),
)

/** Maximum length of a session title taken from a prompt, in characters. */
const titleLength = 60

/**
 * Validates a turn's input and fills in the server's defaults.
 *
 * @internal
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`). The message names the field, its value and
 * the expected value.
 */
export function planTurn(
  input: string | TurnInput,
  options: ResolvedOptions,
): { plan: TurnPlan; sessionId: string | undefined } {
  const turn = parse(turnInputSchema, typeof input === 'string' ? { text: input } : input, 'turn input')
  const files = fileParts(turn.attachments ?? [], modelOf(turn.model, options), options)
  const plan: TurnPlan = {
    traceId: turn.traceId ?? null,
    priority: turn.priority ?? 5,
    owner: options.agent && { agentId: options.agent.id, tenant: options.agent.tenant },
    resume: turn.resume ?? false,
    title: titleOf(turn.text),
    directory: turn.directory,
    model: turn.model,
    agent: turn.agent,
    system: turn.system,
    variant: turn.variant,
    parts: [{ type: 'text', text: turn.text }, ...files],
    deadlineMs: turn.deadlineMs ?? options.turnDeadlineMs,
    stallMs: turn.stallMs ?? options.turnStallMs,
    maxRetries: turn.maxRetries ?? options.maxRetries,
    output: turn.output === undefined ? undefined : schemaInput(turn.output, 'turn input output'),
    requestTimeoutMs: options.requestTimeoutMs,
    onPermission: turn.onPermission ?? options.onPermission,
    onQuestion: turn.onQuestion ?? options.onQuestion,
    signal: turn.signal,
    hidden: Object.entries(turn.tools ?? {}).flatMap(([name, isOffered]) => (isOffered ? [] : [name])),
    context: turn.context,
  }
  return { plan, sessionId: turn.sessionId }
}

/**
 * Returns the trace id of an invalid input, for the reply that rejects the input.
 *
 * @internal
 */
export function traceOf(input: unknown): string | null {
  try {
    const { traceId } = input as { traceId?: unknown }
    return typeof traceId === 'string' ? traceId : null
  } catch {
    return null
  }
}

/**
 * Returns the id that an input names for its turn, also of an otherwise invalid input; `undefined` without a valid id.
 *
 * @internal
 */
export function turnIdOf(input: unknown): string | undefined {
  try {
    return turnId().safeParse((input as { turnId?: unknown }).turnId).data
  } catch {
    return undefined
  }
}

/**
 * Returns the end of a turn whose id belongs to a turn that has not ended.
 *
 * @internal
 */
export const idInUse = (id: string): { code: TurnErrorCode; error: string; id: string } => ({
  code: 'rejected',
  error: `The turn id ${JSON.stringify(id)} belongs to a turn that has not ended`,
  id,
})

function titleOf(text: string): string {
  const line = firstLine(text.trim())
  return line.length > titleLength ? `${line.slice(0, titleLength - 1)}…` : line || 'Untitled'
}
