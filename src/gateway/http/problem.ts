/** Body of an answer that tells a failure (RFC 9457). */
export interface Problem {
  /** `about:blank`, or the URI of the documentation of the code. */
  type: string
  title: string
  status: number
  /** `ERR_OPENCODE_…`, or the code of a turn's error. */
  code: string
  /** Description of the failure, and advice. */
  detail: string
  /** Field of the request that is wrong, in snake_case and with dots. */
  field?: string
  /** Time after which the same request may succeed, in ms. */
  retry_after_ms?: number
}

/** Error that becomes the answer of a request. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  /** Further headers of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    problem: Omit<Problem, 'type' | 'title'> & { title?: string },
    headers: Record<string, string> = {},
  ) {
    super(problem.detail)
    this.problem = {
      type: 'about:blank',
      title: problem.title ?? titles[problem.status] ?? 'Error',
      ...problem,
    }
    this.headers = headers
  }

  /** Returns the same problem with further headers. */
  with(headers: Record<string, string>): ProblemError {
    return new ProblemError(this.problem, { ...this.headers, ...headers })
  }
}

/** Returns the problem of a request that is wrong. */
export const badRequest = (detail: string, field?: string): ProblemError =>
  new ProblemError({
    status: 400,
    code: 'ERR_OPENCODE_INVALID_OPTIONS',
    detail,
    ...(field !== undefined && { field }),
  })

/** Titles of the status codes that the gateway answers with. */
export const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
}
