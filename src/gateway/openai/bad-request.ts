import { ProblemError } from '../http/problem.ts'

/** Returns the failure of a request whose field is wrong, with a code of OpenAI. */
export const badField = (field: string, code: string, detail: string): ProblemError =>
  new ProblemError({ status: 400, code, field, detail: `Invalid field ${field}: ${detail}` })
