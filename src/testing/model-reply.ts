import { setMaxListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import type * as Aimock from '@copilotkit/aimock'
import { buildChunks, buildCompletion } from './model-chunks.ts'
import type { ModelRequestBody } from './model-request.ts'
import type { ErrorReply, HangReply, ScriptedReply, StreamReply } from './model-script.ts'

/** Delay between the last chunk and a cut, in ms, so that the client has read the chunks by then. */
const CUT_PAUSE_MS = 250

/**
 * Sends one reply. Resolves when the reply is sent, cut or left hanging. Does not reject if the client
 * disconnects.
 */
export async function sendReply(
  aimock: typeof Aimock,
  response: ServerResponse,
  body: ModelRequestBody,
  reply: ScriptedReply,
): Promise<void> {
  if ('error' in reply) sendError(response, reply)
  else if ('hang' in reply) hang(response, reply)
  else if (body.stream === true) await stream(aimock, response, body, reply)
  else sendJson(response, 200, buildCompletion(aimock, body.model, reply))
}

/**
 * Sends an HTTP error. aimock's own writer is not used: it sets only `Retry-After`, and adds that and
 * rate-limit headers to every 429.
 */
function sendError(response: ServerResponse, { error }: ErrorReply): void {
  const {
    status,
    message,
    type = status < 500 ? 'invalid_request_error' : 'server_error',
    code = null,
  } = error
  sendJson(response, status, { error: { message, type, param: null, code } }, error.headers)
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

function hang(response: ServerResponse, reply: HangReply): void {
  if (reply.hang === 'headers')
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
}

async function stream(
  aimock: typeof Aimock,
  response: ServerResponse,
  body: ModelRequestBody,
  reply: StreamReply,
): Promise<void> {
  const { chunks, roleAt, usageChunk } = buildChunks(aimock, body.model, reply)
  const { signal, countDown } = cutSignal(response, cutIndex(reply, chunks.length, roleAt))
  const finished = await aimock.writeSSEStream(response, chunks, {
    recordedTimings: timings(reply, chunks.length, roleAt),
    signal,
    onChunkSent: countDown,
    ...(body.stream_options?.include_usage === true && { usageChunk }),
  })
  if (!finished) await closeSoon(aimock, response)
}

/** Returns a signal that fires when the client disconnects or `limit` chunks are written. */
function cutSignal(response: ServerResponse, limit: number): { signal: AbortSignal; countDown: () => void } {
  const cut = new AbortController()
  setMaxListeners(0, cut.signal) // aimock adds a listener per pause and keeps it; Node warns at the 11th
  let left = limit
  const countDown = () => {
    if (left === 0) cut.abort()
    left -= 1
  }
  countDown()
  response.once('close', () => {
    cut.abort()
  })
  return { signal: cut.signal, countDown }
}

/**
 * Returns the number of written chunks before a cut. The role chunk does not count, and the finish chunk is
 * never sent.
 */
function cutIndex({ cutAfter }: StreamReply, total: number, roleAt: number): number {
  if (cutAfter === undefined) return Infinity
  return Math.min(cutAfter > roleAt ? cutAfter + 1 : cutAfter, total - 1)
}

/**
 * Returns pauses between scripted chunks only. The first chunk's pause comes before everything; the role and
 * finish chunks add none.
 */
function timings(
  reply: StreamReply,
  total: number,
  roleAt: number,
): NonNullable<Aimock.StreamOptions['recordedTimings']> {
  const { firstChunkDelayMs: ttftMs = 0, chunkDelayMs = 0 } = reply
  const pauses = Array.from({ length: total - 1 }, (_, i) =>
    i === roleAt || i === total - 2 ? 0 : chunkDelayMs,
  )
  return { ttftMs, interChunkDelaysMs: pauses, totalDurationMs: 0 }
}

/**
 * Closes the connection in mid-stream, after a delay.
 * aimock's own truncation destroys the response while Node still holds the chunks, so no chunk arrives. A
 * client that reads the last chunks and the end of the connection together (Bun 1.3) reports only the end.
 */
async function closeSoon(aimock: typeof Aimock, response: ServerResponse): Promise<void> {
  await aimock.delay(response.destroyed ? 0 : CUT_PAUSE_MS)
  response.socket?.destroySoon()
}
