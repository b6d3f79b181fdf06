import type { OpenCodeClient } from '../../io/opencode/client.ts'
import type { PermissionPolicy, QuestionPolicy } from '../../config/options.ts'
import type { InputRequest, PermissionRequest, QuestionRequest } from '../../replies.ts'

/**
 * Default message of a rejection.
 *
 * @remarks Observed in opencode: the server stops the turn after a rejection without a message.
 */
const defaultRejection = 'This is not permitted here. Go on without it, or say what you would need it for.'

interface Policies {
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
 * throws, returns an invalid value, or takes longer than `timeout`.
 *
 * @param timeout - resolves when the policy's time is up
 */
export async function decide(
  request: InputRequest,
  policies: Policies,
  timeout: Promise<void>,
): Promise<PolicyAnswer> {
  const safe = safeAnswer(request)
  const answer = (async () => {
    if (request.type === 'permission') return permission(await ask(policies.onPermission, request))
    return question(await ask(policies.onQuestion, request), request)
  })()
  return Promise.race([answer.catch(() => safe), timeout.then(() => safe)])
}

const safeAnswer = (request: InputRequest): PolicyAnswer =>
  request.type === 'permission' ? { reply: 'reject', message: defaultRejection } : { reply: 'dismiss' }

function ask<R>(policy: string | ((request: R) => unknown), request: R): unknown {
  return typeof policy === 'function' ? policy(request) : policy
}

function permission(answer: unknown): PolicyAnswer {
  if (answer === 'once' || answer === 'always') return { reply: answer }
  const { reject } = (typeof answer === 'object' && answer !== null ? answer : {}) as { reject?: unknown }
  const message = typeof reject === 'string' && reject.trim() !== '' ? reject : defaultRejection
  return { reply: 'reject', message }
}

function question(answer: unknown, { questions }: QuestionRequest): PolicyAnswer {
  return isAnswers(answer) && answer.length === questions.length ? { answers: answer } : { reply: 'dismiss' }
}

const isAnswers = (value: unknown): value is string[][] =>
  Array.isArray(value) &&
  value.every((list) => Array.isArray(list) && list.every((label) => typeof label === 'string'))

/** Sends a policy's answer to the server. */
export async function answerRequest(
  client: OpenCodeClient,
  request: PermissionRequest | QuestionRequest,
  answer: PolicyAnswer,
  directory: string | undefined,
): Promise<void> {
  if ('answers' in answer) return client.replyQuestion(request.id, directory, answer.answers)
  if (answer.reply === 'dismiss') return client.rejectQuestion(request.id, directory)
  return client.replyPermission(request.id, directory, answer)
}
