import { InvalidOptionsError } from '../../errors.ts'
import type { InputRequest, PermissionRequest, QuestionRequest } from '../../replies.ts'
import { isAnswers, permissionAnswer, type PolicyAnswer } from './request-policy.ts'

/**
 * Returns the answer of a caller in the form that the server takes.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request. The
 * message names the request, the expected answer and the given one.
 */
export function checkedAnswer(request: InputRequest, answer: unknown): PolicyAnswer {
  return request.type === 'permission' ? forPermission(request, answer) : forQuestion(request, answer)
}

function forPermission(request: PermissionRequest, answer: unknown): PolicyAnswer {
  if (answer === 'once' || answer === 'always' || answer === 'reject' || isRejection(answer))
    return permissionAnswer(answer)
  return refuse(request, "'once', 'always', 'reject' or { reject: message }", answer)
}

const isRejection = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && typeof (answer as { reject?: unknown }).reject === 'string'

/** Returns the answer to a question. A rejection has no message, because the server takes none. */
function forQuestion(request: QuestionRequest, answer: unknown): PolicyAnswer {
  if (answer === 'reject') return { reply: 'dismiss' }
  if (!isAnswers(answer)) return refuse(request, "a list of labels per question, or 'reject'", answer)
  const { questions } = request
  if (answer.length !== questions.length) return refuse(request, count(questions.length), answer)
  for (const [i, question] of questions.entries()) checkLabels(request, i, question, answer[i] ?? [])
  return { answers: answer.map((labels) => [...labels]) }
}

const count = (questions: number): string =>
  questions === 1 ? 'one list of labels, for 1 question' : `${questions} lists of labels, one per question`

/**
 * Checks the labels of one question.
 *
 * @remarks Observed in opencode: a question takes own texts unless `custom` is `false`.
 */
function checkLabels(
  request: QuestionRequest,
  index: number,
  { options, multiple, custom }: QuestionRequest['questions'][number],
  labels: readonly string[],
): void {
  const where = `for question ${index + 1}`
  const known = options.map(({ label }) => label)
  const unknown = labels.find((label) => label.trim() === '' || (custom === false && !known.includes(label)))
  if (unknown !== undefined) {
    const expected =
      custom === false ? `labels of ${known.map(quoted).join(', ')}` : 'texts that are not blank'
    refuse(request, `${expected} ${where}`, unknown)
  }
  if (multiple === false && labels.length > 1) refuse(request, `one label ${where}`, labels)
}

function refuse({ id, type }: InputRequest, expected: string, answer: unknown): never {
  throw new InvalidOptionsError(
    `Invalid answer to the ${type} ${id}: expected ${expected}, got ${shown(answer)}`,
  )
}

const quoted = (text: string): string => `'${text}'`

/** Returns an answer as a message shows it, shortened. */
function shown(answer: unknown): string {
  if (Array.isArray(answer)) return `a list of ${answer.length}`
  if (typeof answer !== 'string') return answer === null ? 'null' : `a value of type ${typeof answer}`
  return quoted(answer.length > 40 ? `${answer.slice(0, 39)}…` : answer)
}
