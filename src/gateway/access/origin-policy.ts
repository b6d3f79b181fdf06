import { InvalidOptionsError } from '../../errors.ts'
import { parsed } from './host-policy.ts'
import { originRefused } from './problems.ts'

/** Headers of the gateway that a page of an allowed origin may read. */
const exposedHeaders = 'Turn-Id, Retry-After, Location, X-Session-Id'
/** Headers that a page of an allowed origin may send. */
const allowedHeaders = 'Authorization, Content-Type, Accept, Idempotency-Key, Last-Event-ID, X-Session-Id'
const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
/** Time for which a browser keeps the answer to a preflight, in seconds. */
const preflightSeconds = 600

/**
 * Checks the origin of the page that makes a request. A request of a program names no origin. Pages of other
 * origins are refused (no CORS), except those of the option `allowedOrigins`, which need a Bearer token.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>

  /** @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for an origin that is none */
  constructor(allowedOrigins: readonly string[] = []) {
    this.#allowed = new Set(allowedOrigins.map(normalised))
  }

  /** @throws ProblemError 403 for a request from a page of another origin */
  check(headers: Headers, url: string): void {
    const origin = headers.get('origin')
    if (origin === null || isOwn(origin, headers, url) || this.#allowed.has(origin)) return
    throw originRefused()
  }

  /** Returns the headers with which a page of an allowed origin may read the answer; none for any other request. */
  corsHeaders(headers: Headers): Record<string, string> {
    if (this.#allowed.size === 0) return {}
    const origin = headers.get('origin')
    const isAllowed = origin !== null && this.#allowed.has(origin)
    return {
      Vary: 'Origin',
      ...(isAllowed && {
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': exposedHeaders,
      }),
    }
  }

  /** Returns the answer to a preflight of an allowed origin; `undefined` for any other request. */
  preflight(method: string, headers: Headers): Response | undefined {
    const isPreflight = method === 'OPTIONS' && headers.has('access-control-request-method')
    if (!isPreflight || !this.#allowed.has(headers.get('origin') ?? '')) return undefined
    return new Response(null, {
      status: 204,
      headers: {
        ...this.corsHeaders(headers),
        'Access-Control-Allow-Methods': allowedMethods,
        'Access-Control-Allow-Headers': [allowedHeaders, ...sdkHeaders(headers)].join(', '),
        'Access-Control-Max-Age': String(preflightSeconds),
      },
    })
  }
}

/** Returns the headers by which the OpenAI SDKs name themselves, as far as a preflight asks for them. */
const sdkHeaders = (headers: Headers): string[] =>
  (headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^x-stainless-[a-z-]{1,40}$/.test(name))

/** Methods that change nothing, for which a browser sends no Origin to the page's own origin. */
const safeMethods = new Set(['GET', 'HEAD'])

/**
 * Checks that a page of the gateway itself makes a request, as the view's cookie needs. A browser sends the cookie also
 * for pages of other ports of the same host.
 *
 * @throws ProblemError 403 otherwise
 */
export function requireOwnPage(method: string, headers: Headers, url: string): void {
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  const isOwnOrigin = origin === null ? safeMethods.has(method) : isOwn(origin, headers, url)
  const isOwnSite = site === null || site === 'same-origin' || site === 'none'
  if (!isOwnOrigin || !isOwnSite) throw originRefused()
}

/** Returns whether an origin is that of the host which the request names. A proxy may have ended TLS. */
function isOwn(origin: string, headers: Headers, url: string): boolean {
  if (!URL.canParse(origin) || !/^https?:\/\//.test(origin)) return false
  const { protocol, host, origin: plain } = new URL(origin)
  const named = parsed(headers.get('host') ?? new URL(url).host)
  if (named === undefined || plain !== origin) return false
  return new URL(`${protocol}//${headers.get('host') ?? new URL(url).host}`).host === host
}

function normalised(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text)) return text
  throw new InvalidOptionsError(
    `Invalid option allowedOrigins: expected origins such as 'https://app.example.com', got ${JSON.stringify(text)}`,
  )
}
