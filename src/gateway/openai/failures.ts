import { json } from '../http/answers.ts'
import type { FailureForm } from '../http/failure-form.ts'
import type { ProblemError } from '../http/problem.ts'
import { chatError } from './schemas/answer.ts'

/** Codes of OpenAI for codes of problems. Other codes stay as they are. */
const codes: Readonly<Record<string, string>> = {
  ERR_OPENCODE_UNAUTHORIZED: 'invalid_api_key',
  ERR_OPENCODE_UNKNOWN_AGENT: 'model_not_found',
  ERR_OPENCODE_TOO_MANY_REFUSALS: 'rate_limit_exceeded',
  ERR_OPENCODE_INVALID_OPTIONS: 'invalid_value',
  overloaded: 'rate_limit_exceeded',
  rate_limited: 'rate_limit_exceeded',
  context_overflow: 'context_length_exceeded',
}

/** Fields of a turn by which a request for a chat completion is refused, and the fields of the request. */
const params: readonly [field: RegExp, param: string][] = [
  [/^(attachments|text|system)\b/, 'messages'],
  [/^output\b/, 'response_format'],
  [/^session_?id\b/i, 'X-Session-Id'],
]

/** Returns the body of a failure in the shape of OpenAI. */
export function errorBody({ problem: { status, code, detail, field } }: ProblemError) {
  const param = params.find(([pattern]) => pattern.test(field ?? ''))?.[1] ?? field
  const isMissing = /^Field `[^`]+` is required/.test(detail)
  return {
    error: {
      message: detail,
      type: typeOf(status),
      param: param ?? null,
      code: isMissing ? 'missing_required_parameter' : (codes[code] ?? code),
    },
  }
}

function typeOf(status: number): 'invalid_request_error' | 'rate_limit_error' | 'server_error' {
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}

/** Form of the failures of all paths below `/openai/`. */
export const openAiFailures: FailureForm = {
  prefix: '/openai/',
  name: 'ChatError',
  type: 'application/json',
  schema: chatError,
  answer: (error) => json(error.problem.status, errorBody(error), { ...error.headers }),
}
