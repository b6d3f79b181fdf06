import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerType, type AnswerLine } from './host-plugin-text.ts'

/** Call of a host tool, as the generated plugin posts it. */
export interface PostedCall {
  sessionId: string
  messageId: string
  callId: string
  /** Key of the tool. */
  tool: string
  args: unknown
}

/** Result of a call: the output for the model with its images, or the error that the model is told. */
export type HostAnswer = Exclude<AnswerLine, { progress: string }>

/** Call that is being answered. */
export interface AnsweredCall {
  /** Resolves with the result. Never rejects. */
  answer: Promise<HostAnswer>
  /** Ends the call, because opencode no longer waits for it. */
  abort: () => void
}

/** Answers a posted call; `progress` reports a title to opencode. */
export type CallHandler = (call: PostedCall, progress: (title: string) => void) => AnsweredCall

/** Loopback endpoint to which the generated plugin of one spawn posts its calls. */
export interface HostEndpoint {
  readonly url: string
  /** Secret that each request carries; new for each spawn. */
  readonly token: string
  /** Ends all calls, and closes the port. */
  close: () => void
}

/** Maximum size of a call, in bytes. */
const maxCallBytes = 10 * 1024 * 1024
/** Interval of the empty lines that keep the connection of a long call alive, in ms. */
const keepAliveMs = 30_000
/** Time limit for a call to arrive as a whole, in ms. */
const requestTimeoutMs = 30_000

/**
 * Opens an endpoint on a free loopback port. The port does not keep the process alive.
 * @throws the system's error if the port cannot be opened
 */
export async function openHostEndpoint(handler: CallHandler): Promise<HostEndpoint> {
  const token = randomBytes(24).toString('base64url')
  const open = new Set<ServerResponse>()
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    if (!isAuthorized(request, token)) refuse(response, request.method === 'POST' ? 401 : 404)
    else void answer(request, response, handler, open).catch(() => response.destroy())
  })
  const beat = setInterval(() => {
    for (const response of open) response.write('\n')
  }, keepAliveMs).unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  server.unref()
  const close = (): void => {
    clearInterval(beat)
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, token, close }
}

function isAuthorized({ method, headers }: IncomingMessage, token: string): boolean {
  const [given, expected] = [headers.authorization ?? '', `Bearer ${token}`].map((text) => Buffer.from(text))
  if (!given || !expected || given.length !== expected.length) return false
  return method === 'POST' && timingSafeEqual(given, expected)
}

const refuse = (response: ServerResponse, status: number): unknown =>
  response.writeHead(status, { connection: 'close' }).end()

/** Answers a request with lines. The connection that breaks ends the call. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: CallHandler,
  open: Set<ServerResponse>,
): Promise<void> {
  const text = await bodyOf(request)
  const call = text === undefined ? undefined : parseCall(text)
  if (!call) return void refuse(response, text === undefined ? 413 : 400)
  response.writeHead(200, { 'content-type': answerType })
  response.flushHeaders()
  const write = (line: AnswerLine): unknown => response.write(`${JSON.stringify(line)}\n`)
  const running = handler(call, (progress) => open.has(response) && write({ progress }))
  open.add(response)
  response.once('close', () => {
    open.delete(response)
    running.abort()
  })
  const result = await running.answer
  open.delete(response)
  if (response.destroyed) return
  write(result)
  response.end()
}

/** Resolves with the text of a request; `undefined` if it is too long. Rejects if the connection breaks. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxCallBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parseCall(text: string): PostedCall | undefined {
  try {
    const { sessionID, messageID, callID, tool, args } = Object(JSON.parse(text)) as Record<string, unknown>
    const ids = [sessionID, messageID, callID, tool]
    if (!ids.every((id): id is string => typeof id === 'string')) return undefined
    const [sessionId = '', messageId = '', callId = '', key = ''] = ids
    return { sessionId, messageId, callId, tool: key, args }
  } catch {
    return undefined
  }
}
