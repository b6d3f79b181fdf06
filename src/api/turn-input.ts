import { z } from 'zod'
import type { TurnPlan } from '../actors/turn/turn-record.ts'
import { modelOf } from '../actors/turn/model.ts'
import { attachmentsSchema, fileParts, type Attachment } from './attachments.ts'
import { absolute, positiveMs, sessionId as sessionIdSchema, turnLimits } from '../config/option-schema.ts'
import { lazily, parse } from '../config/validation.ts'
import type { PermissionPolicy, QuestionPolicy, ResolvedOptions } from '../config/options.ts'
import { firstLine } from '../util/messages.ts'

/** What a turn is asked, and how it may behave; what is left out comes from the server's options. */
export interface TurnInput {
  text: string
  /** Comes back in every reply. */
  traceId?: string | null
  /** Continue this session; default a new one. */
  sessionId?: string
  /** The agent's working directory, absolute; must exist. A session keeps its own. */
  directory?: string
  agent?: string
  /** Default: the first of `models`. A plain id is one of the proxy's. */
  model?: string | { providerId: string; modelId: string }
  /** Goes before the agent's own system prompt. */
  system?: string
  attachments?: Attachment[]
  /** From `turn()` to the terminal reply, the wait for the server included, in ms. */
  deadlineMs?: number
  /** Without progress, in ms. */
  stallMs?: number
  /** Retries of the provider that are accepted. */
  maxRetries?: number
  /**
   * Asks again on the next server where this one dies, if nothing but text had happened: no tool ran. `status$` tells;
   * the text of the attempt that died is no part of `final.content`. Default false.
   */
  resume?: boolean
  onPermission?: PermissionPolicy
  onQuestion?: QuestionPolicy
  signal?: AbortSignal
}

const schema = lazily(() =>
  z.strictObject({
    text: z.string().min(1, 'expected a text'),
    traceId: z.string().nullish(),
    sessionId: sessionIdSchema().optional(),
    directory: absolute().optional(),
    agent: z.string().min(1).optional(),
    model: z
      .union(
        [z.string().min(1), z.strictObject({ providerId: z.string().min(1), modelId: z.string().min(1) })],
        'expected a model id or { providerId, modelId }',
      )
      .optional(),
    system: z.string().optional(),
    attachments: attachmentsSchema().optional(),
    deadlineMs: positiveMs().optional(),
    stallMs: positiveMs().optional(),
    maxRetries: turnLimits().maxRetries.optional(),
    resume: z.boolean().optional(),
    onPermission: turnLimits().onPermission.optional(),
    onQuestion: turnLimits().onQuestion.optional(),
    signal: z.instanceof(AbortSignal).optional(),
  }),
)

/** The longest title that a prompt gives its session. */
const titleLength = 60

/**
 * Validates a turn's input and fills in the server's defaults.
 * @throws InvalidOptionsError that names the field, its value and what is expected.
 */
export function planTurn(
  input: string | TurnInput,
  options: ResolvedOptions,
): { plan: TurnPlan; sessionId: string | undefined } {
  const turn = parse(schema, typeof input === 'string' ? { text: input } : input, 'turn input')
  const model = modelOf(turn.model, options)
  const files = fileParts(turn.attachments ?? [], model, options)
  const plan: TurnPlan = {
    traceId: turn.traceId ?? null,
    resume: turn.resume ?? false,
    title: titleOf(turn.text),
    directory: turn.directory,
    model: turn.model,
    agent: turn.agent,
    system: turn.system,
    parts: [{ type: 'text', text: turn.text }, ...files],
    deadlineMs: turn.deadlineMs ?? options.turnDeadlineMs,
    stallMs: turn.stallMs ?? options.turnStallMs,
    maxRetries: turn.maxRetries ?? options.maxRetries,
    requestTimeoutMs: options.requestTimeoutMs,
    onPermission: turn.onPermission ?? options.onPermission,
    onQuestion: turn.onQuestion ?? options.onQuestion,
    signal: turn.signal,
  }
  return { plan, sessionId: turn.sessionId }
}

/** What is left of an input that is no good: its trace, for the reply that says so. */
export function traceOf(input: unknown): string | null {
  try {
    const { traceId } = input as { traceId?: unknown }
    return typeof traceId === 'string' ? traceId : null
  } catch {
    return null
  }
}

function titleOf(text: string): string {
  const line = firstLine(text.trim())
  return line.length > titleLength ? `${line.slice(0, titleLength - 1)}…` : line || 'Untitled'
}
