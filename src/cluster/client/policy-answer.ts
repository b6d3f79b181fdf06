import { checkedAnswer } from '../../actors/turn/request-answer.ts'
import type { InputRequest, RequestAnswer } from '../../replies.ts'
import type { CallerPolicies } from './checked-input.ts'

/**
 * Returns the answer of the caller's own policy to a request; `undefined` without a function, and for `ask`. The answer
 * is a rejection if the function throws, or returns a value that is no answer. Never rejects.
 */
export async function policyAnswer(
  request: InputRequest,
  policies: CallerPolicies,
): Promise<RequestAnswer | undefined> {
  const policy = request.type === 'permission' ? policies.onPermission : policies.onQuestion
  if (!policy) return undefined
  try {
    const answer: unknown = await (policy as (asked: InputRequest) => unknown)(request)
    if (answer === 'ask') return undefined
    checkedAnswer(request, answer)
    return answer as RequestAnswer
  } catch {
    return 'reject'
  }
}
