import { ProblemError } from '../http/problem.ts'
import type { Scope } from './caller.ts'

/** Returns the error of a request that proves no caller. */
export const unauthorized = (detail: string, headers: Record<string, string> = {}): ProblemError =>
  new ProblemError(
    { status: 401, code: 'ERR_OPENCODE_UNAUTHORIZED', detail },
    { 'WWW-Authenticate': 'Bearer realm="opencode-runtime"', ...headers },
  )

/** Returns the error of a request whose token has ended while the answer was on its way. */
export const rightLost = (): ProblemError =>
  unauthorized('The token was revoked, was changed or has expired meanwhile: use a valid token')

/** Returns the error of a caller that may not do what the request asks. */
export const forbidden = (detail: string, field?: string): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'ERR_OPENCODE_FORBIDDEN',
    detail,
    ...(field !== undefined && { field }),
  })

/** Returns the error of a caller without a scope. */
export const missingScope = (scope: Scope): ProblemError =>
  forbidden(`The token has no scope ${scope}: use a token that was created with --scope ${scope}`)

/** Returns the error of an address from which too many requests were refused. */
export const tooManyRefusals = (retryAfterMs: number): ProblemError =>
  new ProblemError(
    {
      status: 429,
      code: 'ERR_OPENCODE_TOO_MANY_REFUSALS',
      detail: 'Too many requests from this address had a wrong token: wait, then use a valid token',
      retry_after_ms: retryAfterMs,
    },
    { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) },
  )

/** Returns the error of a request to a host that is not the gateway's. */
export const hostRefused = (): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'ERR_OPENCODE_HOST_REFUSED',
    detail: "The request's Host is not a host of this gateway: add the host to its option allowed_hosts",
  })

/** Returns the error of a request from a page of another origin. */
export const originRefused = (): ProblemError =>
  new ProblemError({
    status: 403,
    code: 'ERR_OPENCODE_ORIGIN_REFUSED',
    detail: "The request's Origin is not the gateway's own: add the origin to its option allowed_origins",
  })
