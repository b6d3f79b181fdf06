import type { PermissionPolicy, QuestionPolicy } from '../../config/options.ts'
import { schemaInput, type SchemaInput } from '../../config/schema-input.ts'
import { parse } from '../../config/validation.ts'
import type { Attachment } from '../../api/attachments.ts'
import { turnInputSchema, type TurnInput } from '../../api/turn-input.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { messageOf } from '../../util/messages.ts'
import { sealContext, type ContextTurn } from '../context-seal.ts'
import type { SentTurn } from '../turn-facts.ts'

/** Policies of a turn that run in the caller's process. */
export interface CallerPolicies {
  readonly onPermission?: Extract<PermissionPolicy, (...args: never[]) => unknown>
  readonly onQuestion?: Extract<QuestionPolicy, (...args: never[]) => unknown>
}

/** Validated input of a turn: the part that travels, and the parts that stay with the caller. */
export interface CheckedInput {
  readonly sent: SentTurn
  /** True if the input names the id of the turn, so that the turn may exist. */
  readonly isNamed: boolean
  /** Context of the turn, which travels sealed; `undefined` for none. */
  readonly context: unknown
  readonly policies: CallerPolicies
  /** Schema of the answer; `undefined` for an answer in words. */
  readonly output: SchemaInput | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Validates the input of a turn that runs on another host, and returns what travels, as JSON. A function of a policy
 * becomes `ask`: the caller's process answers.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the field
 */
export function checkInput(input: string | TurnInput): CheckedInput {
  const turn = parse(turnInputSchema, typeof input === 'string' ? { text: input } : input, 'turn input')
  const { turnId, traceId, priority, deadlineMs, signal, context, ...rest } = turn
  const { onPermission, onQuestion, attachments, output: given, ...plain } = rest
  const output = given === undefined ? undefined : schemaInput(given, 'turn input output')
  const id = turnId ?? crypto.randomUUID()
  const sent: SentTurn = {
    turnId: id,
    conversation: turn.sessionId ?? id,
    traceId: traceId ?? null,
    priority: priority ?? usualPriority,
    deadlineMs: deadlineMs ?? null,
    answers: true,
    input: {
      ...plain,
      ...(onPermission !== undefined && { onPermission: sentPolicy(onPermission) }),
      ...(onQuestion !== undefined && { onQuestion: sentPolicy(onQuestion) }),
      ...(attachments && { attachments: attachments.map(asText) }),
      ...(output && { output: output.jsonSchema }),
    },
  }
  const policies = {
    ...(typeof onPermission === 'function' && { onPermission }),
    ...(typeof onQuestion === 'function' && { onQuestion }),
  }
  return { sent, isNamed: turnId !== undefined, context, policies, output, signal }
}

/** Priority of a turn that names none. */
const usualPriority = 5

const sentPolicy = (policy: unknown): unknown => (typeof policy === 'function' ? 'ask' : policy)

/** Returns an attachment whose content is base64. */
const asText = ({ data, ...file }: Attachment): Attachment => ({
  ...file,
  data: typeof data === 'string' ? data : Buffer.from(data).toString('base64'),
})

/**
 * Returns what travels of a turn, with its context sealed for the hosts.
 *
 * @param publicKey - Public key of the hosts; `undefined` if they have none.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a context that cannot travel
 */
export function withContext(
  { sent, context }: Pick<CheckedInput, 'sent' | 'context'>,
  publicKey: string | undefined,
  agent: Omit<ContextTurn, 'turnId'>,
): SentTurn {
  if (context === undefined) return sent
  if (publicKey === undefined)
    throw contextError('it travels sealed, and no host has a key: give all hosts the option contextKey')
  try {
    return { ...sent, context: sealContext(publicKey, context, { ...agent, turnId: sent.turnId }) }
  } catch (error) {
    throw contextError(messageOf(error))
  }
}

const contextError = (why: string): InvalidOptionsError =>
  new InvalidOptionsError(`Invalid turn input context: ${why}`)
