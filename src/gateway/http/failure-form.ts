import type { z } from 'zod'
import { problemSchema } from '../schemas/common.ts'
import type { ProblemError } from './problem.ts'
import { problemAnswer } from './problems.ts'

/** Form in which routes tell failures. */
export interface FailureForm {
  /** Beginning of the paths whose failures have this form. */
  prefix: string
  /** Name of the answers in the OpenAPI document, before the status code. */
  name: string
  /** Media type of the body. */
  type: string
  schema: () => z.ZodType
  /** Returns the answer of a failure. */
  answer: (error: ProblemError) => Response
}

/** Form of all routes that name no other: problem details (RFC 9457). */
export const problemForm: FailureForm = {
  prefix: '/',
  name: 'Problem',
  type: 'application/problem+json',
  schema: problemSchema,
  answer: problemAnswer,
}

/** Returns the form of the failures of a path: that of the longest prefix. */
export function formOf(routes: readonly { failures?: FailureForm }[], path: string): FailureForm {
  const forms = routes.flatMap(({ failures }) => failures ?? [])
  const fitting = forms.filter(({ prefix }) => path.startsWith(prefix))
  return fitting.reduce((a, b) => (b.prefix.length > a.prefix.length ? b : a), problemForm)
}
