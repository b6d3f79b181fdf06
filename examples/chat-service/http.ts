import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import type { ChatService, Posted } from './chat.ts'

/** Response with JSON; empty if there is no body. */
interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

/** Limit of a request body, in bytes. */
const maxBody = 64 * 1024
/** Limit of unread data per client, in bytes. A client above the limit is disconnected, and may reconnect. */
const maxUnread = 1024 * 1024

/** Creates the HTTP server of the service, only for this machine, because the service knows no users. */
export const createChatServer = (chat: ChatService): Server =>
  createServer((request, response) => void respond(chat, request, response))

async function respond(chat: ChatService, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(chat, request, response).catch(() => ({ status: 500 }))
  if (answer !== 'streams') send(response, answer)
}

async function answerTo(
  chat: ChatService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | 'streams'> {
  const stranger = refusalOf(request)
  if (stranger) return stranger
  const [place, room = '', things, id = ''] = (request.url ?? '/').slice(1).split('/')
  const route = [request.method, place, room && ':room', things, id && ':id'].filter(Boolean).join(' ')
  switch (route) {
    case 'GET status':
      return { status: 200, body: chat.status }
    case 'GET rooms :room events':
      return listen(chat, room, response)
    case 'POST rooms :room messages': {
      const { text } = await bodyOf(request)
      return typeof text === 'string' ? posted(chat.post(room, text)) : invalid('text: expected a string')
    }
    case 'DELETE rooms :room messages :id':
      return { status: chat.cancel(room, id) ? 202 : 404 }
    case 'POST rooms :room permissions :id': {
      const { allow } = await bodyOf(request)
      if (typeof allow !== 'boolean') return invalid('allow: expected true or false')
      return { status: chat.answer(room, id, allow) ? 202 : 404 }
    }
    default:
      return { status: 404 }
  }
}

/**
 * Returns the rejection of a request, if any. Without this check, a foreign web page could use a browser on
 * this machine to talk to the agent.
 */
function refusalOf({ headers, method }: IncomingMessage): Answer | undefined {
  if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(headers.host ?? '')) return { status: 403 }
  if (method !== 'POST') return undefined
  if (headers['content-type'] !== 'application/json') return { status: 415 }
  return Number(headers['content-length']) <= maxBody ? undefined : { status: 413 }
}

const invalid = (error: string): Answer => ({ status: 400, body: { error } })

function posted(result: Posted): Answer {
  if ('message' in result) return { status: 202, body: result }
  const headers = { 'retry-after': result.refused === 'busy' ? '1' : '30' }
  return { status: result.refused === 'busy' ? 429 : 503, body: result, headers }
}

/** Streams the events of a room as Server-Sent Events, until the client leaves or the service closes. */
function listen(chat: ChatService, room: string, response: ServerResponse): 'streams' {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const subscription = chat.room$(room).subscribe({
    next: (event) => {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      if (response.writableLength > maxUnread) response.destroy()
    },
    complete: () => response.end(),
  })
  response.on('close', () => subscription.unsubscribe())
  return 'streams'
}

/** Returns the JSON of a request, or an empty object if the body is not JSON. */
const bodyOf = async (request: IncomingMessage): Promise<{ text?: unknown; allow?: unknown }> =>
  Object(await json(request).catch(() => undefined)) as { text?: unknown; allow?: unknown }

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(body === undefined ? '' : JSON.stringify(body))
}
