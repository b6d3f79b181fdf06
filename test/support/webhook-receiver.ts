import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import type { WebhookCall } from '../../src/io/webhook/post-call.ts'

/** Request that a receiver has got. */
export interface ReceivedCall {
  path: string
  headers: IncomingHttpHeaders
  /** Body, as it came. */
  text: string
  call: WebhookCall
  /** Resolves when the connection has closed. */
  closed: Promise<unknown>
}

/** Answers a call. */
export type Answerer = (received: ReceivedCall, response: ServerResponse) => unknown

/** Answers with JSON. */
export const answerJson = (response: ServerResponse, value: unknown, status = 200): unknown =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Starts a program behind webhooks, on a free port of loopback. It ends when the test finishes. */
export async function webhookReceiver(answer: Answerer) {
  const calls: ReceivedCall[] = []
  const server = createServer((request, response) => {
    const closed = once(response, 'close')
    void buffer(request).then((body) => {
      const text = body.toString()
      const call = JSON.parse(text) as WebhookCall
      const received = { path: request.url ?? '', headers: request.headers, text, call, closed }
      calls.push(received)
      answer(received, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, calls }
}
