import { ProblemError } from '../http/problem.ts'

/** Largest parts of a request. */
export interface RequestBounds {
  /** In bytes. */
  maxBodyBytes: number
  /** All names and values of headers together, in characters. */
  maxHeaderChars: number
  /** Path and query, in characters. */
  maxUrlChars: number
}

/** Bounds that the options do not change. */
export const defaultBounds: RequestBounds = {
  maxBodyBytes: 33_554_432,
  maxHeaderChars: 16_384,
  maxUrlChars: 8_192,
}

/**
 * Checks the size of a request's URL and headers, and the size of the body that the headers tell.
 *
 * @throws ProblemError 413, 414 or 431
 */
export function checkBounds(request: Request, bounds: RequestBounds): void {
  const { pathname, search } = new URL(request.url)
  if (pathname.length + search.length > bounds.maxUrlChars)
    throw tooLarge(414, `The URL has more than ${bounds.maxUrlChars} characters: send less`)
  let size = 0
  for (const [name, value] of request.headers) size += name.length + value.length
  if (size > bounds.maxHeaderChars)
    throw tooLarge(431, `The headers have more than ${bounds.maxHeaderChars} characters: send less`)
  const told = Number(request.headers.get('content-length') ?? 0)
  if (told > bounds.maxBodyBytes)
    throw tooLarge(413, `The body has more than ${bounds.maxBodyBytes} bytes: send less`)
}

const tooLarge = (status: number, detail: string): ProblemError =>
  new ProblemError({ status, code: 'ERR_OPENCODE_TOO_LARGE', detail })
