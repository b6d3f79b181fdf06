import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { PermissionPolicy, QuestionPolicy } from '../../config/options.ts'
import type { InputRequest, PermissionRequest, QuestionRequest } from '../../replies.ts'

/**
 * Default message of a rejection.
 *
 * @remarks Observed in opencode: the server stops the turn after a rejection without a message.
 */
const defaultRejection = 'This is not permitted here. Go on without it, or say what you would need it for.'
/** Message of a rejection at the time limit. */
const expiryRejection = 'No answer came in time. Go on without it, or say what you would need it for.'

/** Message of a rejection after the end of the turn; no model reads it. */
const endRejection = 'The turn has ended.'

/** Policies of a turn. */
export interface Policies {
  onPermission: PermissionPolicy
  onQuestion: QuestionPolicy
}

/** Answer to send to the server. */
export type PolicyAnswer =
  | { reply: 'once' | 'always' }
  | { reply: 'reject'; message: string }
  | { answers: string[][] }
  | { reply: 'dismiss' }

/**
 * Resolves with the policy's answer to a request. Never rejects: the answer is a rejection if the policy
 * throws, returns an invalid value, or takes longer than `timeout`; the policy `'ask'` always does.
 *
 * @param timeout - resolves when the policy's time is up
 */
export async function decide(
  request: InputRequest,
  policies: Policies,
  timeout: Promise<void>,
): Promise<PolicyAnswer> {
  const safe = rejection(request, defaultRejection)
  const undecided = Symbol('undecided')
  const limit = timeout.then(() => undecided)
  const given = await Promise.race([ask(request, policies), limit]).catch(() => undecided)
  if (given === 'ask') return limit.then(() => expiryAnswer(request))
  if (given === undecided) return safe
  return request.type === 'permission' ? permissionAnswer(given) : question(given, request)
}

/** Returns whether the policy for a request is a fixed answer, so that the request does not wait. */
export function isFixed({ type }: InputRequest, { onPermission, onQuestion }: Policies): boolean {
  const policy = type === 'permission' ? onPermission : onQuestion
  return typeof policy === 'string' && policy !== 'ask'
}

/** Returns the answer to a request at its time limit. */
export const expiryAnswer = (request: InputRequest): PolicyAnswer => rejection(request, expiryRejection)

/** Returns the answer to a request whose turn has ended. */
export const endAnswer = (request: InputRequest): PolicyAnswer => rejection(request, endRejection)

const rejection = ({ type }: InputRequest, message: string): PolicyAnswer =>
  type === 'permission' ? { reply: 'reject', message } : { reply: 'dismiss' }

async function ask(request: InputRequest, { onPermission, onQuestion }: Policies): Promise<unknown> {
  if (request.type === 'permission')
    return typeof onPermission === 'function' ? onPermission(request) : onPermission
  return typeof onQuestion === 'function' ? onQuestion(request) : onQuestion
}

/** Returns the answer to a permission; a rejection for any value that is no answer. */
export function permissionAnswer(answer: unknown): PolicyAnswer {
  if (answer === 'once' || answer === 'always') return { reply: answer }
  const { reject } = (typeof answer === 'object' && answer !== null ? answer : {}) as { reject?: unknown }
  const message = typeof reject === 'string' && reject.trim() !== '' ? reject : defaultRejection
  return { reply: 'reject', message }
}

function question(answer: unknown, { questions }: QuestionRequest): PolicyAnswer {
  return isAnswers(answer) && answer.length === questions.length ? { answers: answer } : { reply: 'dismiss' }
}

/** Returns whether a value is a list of labels per question. */
export const isAnswers = (value: unknown): value is string[][] =>
  Array.isArray(value) &&
  value.every((list) => Array.isArray(list) && list.every((label) => typeof label === 'string'))

/** Sends a policy's answer to the server. */
export async function answerRequest(
  client: OpenCodeClient,
  request: PermissionRequest | QuestionRequest,
  answer: PolicyAnswer,
  directory: string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if ('answers' in answer) return client.replyQuestion(request.id, directory, answer.answers, signal)
  if (answer.reply === 'dismiss') return client.rejectQuestion(request.id, directory, signal)
  return client.replyPermission(request.id, directory, answer, signal)
}
