// Client of a gateway for parts of the bench and for the soak: one connection for each stream, so that a reader that
// leaves closes its own socket.
import { once } from 'node:events'
import { request } from 'node:http'

/**
 * Sends a request, and resolves with the answer when its headers have come. A body is sent as JSON.
 * @param {{ url: string, path: string, token?: string, accept?: string, headers?: Record<string, string>, method?: string, body?: object, signal?: AbortSignal }} asked
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
export async function send({ url, path, token, accept, headers = {}, body, method, signal }) {
  const sent = request(new URL(path, url), {
    agent: false,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(accept !== undefined && { accept }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(signal && { signal }),
  })
  const answered = once(sent, 'response')
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [answer] = await answered
  // An error after the headers ends the body, which tells the reader.
  sent.on('error', () => undefined)
  return answer
}

/** Sends a request, and resolves with its status and its JSON. @param {Parameters<typeof send>[0]} asked */
export async function sendJson(asked) {
  const answer = await send(asked)
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    json: text === '' ? undefined : JSON.parse(text),
  }
}

/**
 * Reads the replies of a turn, by lines or by events. The stream may break between any two replies: the error is thrown.
 * @param {import('node:http').IncomingMessage} answer
 * @returns {AsyncGenerator<{ seq: number, kind: string, content?: string, code?: string, partial?: string }>}
 */
export async function* repliesOf(answer) {
  const isEvents = (answer.headers['content-type'] ?? '').startsWith('text/event-stream')
  const end = isEvents ? '\n\n' : '\n'
  let rest = ''
  for await (const chunk of answer.setEncoding('utf8')) {
    const pieces = (rest + chunk).split(end)
    rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      const text = isEvents ? dataOf(piece) : piece
      if (text) yield JSON.parse(text)
    }
  }
}

/** Returns the data of a reply's event, whose id must be its number; `undefined` for another event. @param {string} frame */
function dataOf(frame) {
  const [, id, data] = /^event: reply\nid: (\d+)\ndata: (.*)$/.exec(frame) ?? []
  if (data !== undefined && JSON.parse(data).seq !== Number(id)) throw new Error(`id ${id} of ${data}`)
  return data
}

/** @param {{ kind: string }} reply */
export const isTerminal = ({ kind }) => kind === 'final' || kind === 'error'
