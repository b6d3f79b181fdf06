import { Agent, ProxyAgent, request, type Dispatcher } from 'undici'
import { httpProxyFor } from './http-proxy.ts'

/** Where a list of models is asked for. */
export interface ModelListQuery {
  /** Without user name, password, query and fragment. */
  baseURL: URL
  apiKey: string | undefined
  /** Of the process that will ask for replies: its proxy variables decide on the way. */
  env: Record<string, string | undefined>
  signal: AbortSignal
}

/** What an endpoint answered. `failed`: there was no answer at all. */
export type ModelListAnswer =
  | { kind: 'models'; ids: string[] }
  | { kind: 'refused'; status: number; message: string }
  | { kind: 'redirect'; status: number; location: string | undefined }
  | { kind: 'html' | 'other' | 'tooLarge'; status: number }
  | { kind: 'failed'; code: string; message: string }

/** Lists of some hundred models take a few hundred kB. */
const maxBytes = 16 * 1024 * 1024

/**
 * Asks for the models of an OpenAI-compatible endpoint: `GET {baseURL}/models` answers `{ data: [{ id }, …] }`. Follows
 * no redirect, since the key would go along. Never rejects; messages are the endpoint's own and may hold anything.
 */
export async function askModels({ baseURL, apiKey, env, signal }: ModelListQuery): Promise<ModelListAnswer> {
  let dispatcher: Dispatcher | undefined
  try {
    const proxy = httpProxyFor(baseURL, env)
    // Of http URLs a proxy gets the whole request, as from opencode; only https goes through a tunnel.
    dispatcher = proxy === undefined ? new Agent() : new ProxyAgent({ uri: proxy.url, proxyTunnel: false })
    const answer = await request(`${baseURL.href.replace(/\/+$/, '')}/models`, {
      dispatcher,
      signal,
      headers: {
        accept: 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
    })
    return await read(answer)
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

/** OpenAI's `{ error: { message } }`, FastAPI's `{ detail }`, or the text itself. */
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

/** The system's code, wherever it sits: in the error, its cause, or the first of several (`localhost` has two addresses). */
function failed(error: unknown, signal: AbortSignal): ModelListAnswer {
  if (signal.aborted) return { kind: 'failed', code: 'TIMEOUT', message: '' }
  const { code, cause, message = '' } = error as { code?: string; cause?: unknown; message?: string }
  const inner = (cause as { code?: string } | undefined)?.code
  return { kind: 'failed', code: code ?? inner ?? 'UNKNOWN', message }
}

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header
