import type { Dispatcher } from 'undici'
import { Secrets } from '../../config/secrets.ts'
import { loadHttp } from '../opencode/load-http.ts'
import { resultIn, type WebhookAnswer } from './read-answer.ts'
import { signedHeaders } from './signature.ts'
import { WebhookFault } from './webhook-fault.ts'

/** Call of a tool, as its webhook gets the call. */
export interface WebhookCall {
  tool: string
  args: unknown
  /** Field `context` of the turn; `null` if the turn has none. */
  context: unknown
  turn_id: string
  session_id: string
  call_id: string
}

/** Webhook that gets a call, and the secrets that sign the call. */
export interface WebhookTarget {
  url: string
  secrets: readonly string[]
  signal: AbortSignal
}

/** Maximum size of an answer, in bytes. */
const maxBytes = 10 * 1024 * 1024

/** Time limit of a connection, in ms. */
const connectTimeoutMs = 10_000

/**
 * Posts a call to its webhook, once, and returns the result. A call is not sent again, because it may have had an effect.
 *
 * @throws Error with the webhook's own message, if the webhook answers with an error
 * @throws WebhookFault if the webhook cannot be reached, or its answer cannot be used
 * @throws the signal's reason if the signal aborts
 */
export async function postCall(call: WebhookCall, { url, secrets, signal }: WebhookTarget): Promise<unknown> {
  const body = bodyOf(call)
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'opencode-runtime',
    ...signedHeaders(secrets, body, Date.now()),
  }
  const answer = await exchange(url, { method: 'POST', headers, body, signal })
  const masked = new Secrets(secrets)
  return resultIn(answer, (text) => masked.mask(text))
}

/** Returns the body of a request. */
function bodyOf(call: WebhookCall): string {
  try {
    return JSON.stringify({ ...call, context: call.context ?? null })
  } catch {
    throw new WebhookFault('was not called, because the context of the turn cannot be written as JSON')
  }
}

type Request = Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & { signal: AbortSignal }

async function exchange(url: string, request: Request): Promise<WebhookAnswer> {
  const { Agent, request: send } = await loadHttp()
  // A connection per call: a server that closes a kept connection at the moment of a call would fail the call.
  const dispatcher = new Agent({
    ...{ pipelining: 0, headersTimeout: 0, bodyTimeout: 0 },
    connect: { timeout: connectTimeoutMs },
  })
  try {
    const { statusCode: status, body } = await send(url, { ...request, dispatcher })
    // The end of the connection is an error of a body that is not read.
    body.on('error', () => undefined)
    const isRedirect = status >= 300 && status < 400
    return { status, body: isRedirect ? new Uint8Array() : await bounded(body) }
  } catch (error) {
    request.signal.throwIfAborted()
    if (error instanceof WebhookFault) throw error
    throw new WebhookFault(`could not be reached, or broke the connection (${codeOf(error)})`, {
      cause: error,
    })
  } finally {
    void dispatcher.destroy().catch(() => undefined)
  }
}

/** Reads a body to its end. @throws WebhookFault if the body is too large */
async function bounded(body: Dispatcher.ResponseData['body']): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new WebhookFault(`answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Returns the code of an error of the connection, such as `ECONNREFUSED`. The message may hold an address. */
function codeOf(error: unknown): string {
  const { code, cause, errors, name } = Object(error) as Record<string, unknown>
  if (typeof code === 'string') return code
  const inner = cause ?? (Array.isArray(errors) ? (errors as unknown[])[0] : undefined)
  if (inner !== undefined) return codeOf(inner)
  return typeof name === 'string' ? name : 'unknown error'
}
