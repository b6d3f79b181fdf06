import { Agent, ProxyAgent, request, type Dispatcher } from 'undici'
import { orAborted } from '../../util/abort-signal.ts'
import { httpProxyFor } from './http-proxy.ts'

/** Request for a list of models. */
export interface ModelListQuery {
  /** Base URL without user name, password, query and fragment. */
  baseURL: URL
  apiKey: string | undefined
  /** Environment of the process that will call the model. Its proxy variables decide which proxy is used. */
  env: Record<string, string | undefined>
  signal: AbortSignal
}

/** Answer of an endpoint. `failed` means that there was no answer. */
export type ModelListAnswer =
  | { kind: 'models'; ids: string[] }
  | { kind: 'refused'; status: number; message: string }
  | { kind: 'redirect'; status: number; location: string | undefined }
  | { kind: 'html' | 'other' | 'tooLarge'; status: number }
  | { kind: 'failed'; code: string; message: string }

/** Size limit of a list, in bytes. Lists of some hundred models take a few hundred kB. */
const maxBytes = 16 * 1024 * 1024

/**
 * Returns the models of an OpenAI-compatible endpoint: `GET {baseURL}/models` answers
 * `{ data: [{ id }, …] }`. Follows no redirect, because the key would be sent along. Never rejects. Messages
 * are the endpoint's own and may hold any text.
 */
export async function askModels({ baseURL, apiKey, env, signal }: ModelListQuery): Promise<ModelListAnswer> {
  let dispatcher: Dispatcher | undefined
  try {
    const proxy = httpProxyFor(baseURL, env)
    // For an http URL the proxy gets the whole request, as it does from opencode. Only https goes through a
    // tunnel.
    dispatcher = proxy === undefined ? new Agent() : new ProxyAgent({ uri: proxy.url, proxyTunnel: false })
    const answer = request(`${baseURL.href.replace(/\/+$/, '')}/models`, {
      dispatcher,
      signal,
      headers: {
        accept: 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
    })
    // undici ends an aborted request only after the name of the endpoint is resolved, or after its own time limit.
    return await read(await orAborted(answer, signal))
  } catch (error) {
    return failed(error, signal)
  } finally {
    void dispatcher?.destroy()
  }
}

async function read({
  statusCode: status,
  headers,
  body,
}: Dispatcher.ResponseData): Promise<ModelListAnswer> {
  if (status >= 300 && status < 400) return { kind: 'redirect', status, location: one(headers['location']) }
  const text = await readText(body)
  if (text === undefined) return { kind: 'tooLarge', status }
  const isHtml = /html/i.test(one(headers['content-type']) ?? '') || /^\s*<(!doctype|html)/i.test(text)
  if (status >= 400) return { kind: 'refused', status, message: isHtml ? 'a web page' : errorMessage(text) }
  if (isHtml) return { kind: 'html', status }
  const ids = modelIds(parsed(text))
  return ids === undefined ? { kind: 'other', status } : { kind: 'models', ids }
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function modelIds(answer: unknown): string[] | undefined {
  const data = (answer as { data?: unknown } | null | undefined)?.data
  if (!Array.isArray(data)) return undefined
  const ids = data.map((model: unknown) => (model as { id?: unknown } | null)?.id)
  return ids.every((id) => typeof id === 'string') ? ids : undefined
}

/**
 * Returns the message of OpenAI's `{ error: { message } }` or FastAPI's `{ detail }`, else the text itself.
 */
function errorMessage(text: string): string {
  const answer = parsed(text) as Record<string, unknown> | null | undefined
  const error = answer?.['error']
  const candidates = [
    (error as { message?: unknown } | null | undefined)?.message,
    error,
    answer?.['message'],
    answer?.['detail'],
  ]
  const message = candidates.find((value) => typeof value === 'string')
  return typeof message === 'string' ? message : text
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/**
 * Returns the answer of a failed request, with the system's error code. The code is in the error, in its
 * cause, or in the first of several errors (`localhost` has two addresses).
 */
function failed(error: unknown, signal: AbortSignal): ModelListAnswer {
  if (signal.aborted) return { kind: 'failed', code: 'TIMEOUT', message: '' }
  const { code, cause, message = '' } = error as { code?: string; cause?: unknown; message?: string }
  const inner = (cause as { code?: string } | undefined)?.code
  return { kind: 'failed', code: code ?? inner ?? 'UNKNOWN', message }
}

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header
