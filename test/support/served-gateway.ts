import { createServer, request as ask, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, onTestFinished } from 'vitest'
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/index.ts'
import type { Scope } from '../../src/gateway/access/caller.ts'

/** Request of a test. */
export interface Asked {
  headers?: Record<string, string>
  /** Body, as JSON unless it is a text. */
  body?: unknown
  /** Token of the caller. */
  token?: string
  /** Number of characters after which an endless answer is left. */
  enough?: number
  /** Called when a part of the answer has come. */
  onText?: () => void
}

/** Answer to a request of a test. */
export interface Answered {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** Body as JSON; `undefined` for another body. */
  json: unknown
}

/** The requests are of the classes that the daemon uses. */
const asDaemon = { overrideGlobalObjects: false }

/**
 * Listens on a free port of loopback for a gateway, and returns the port. Closes the server and the gateway when the
 * test finishes.
 *
 * @param fetch - answers the requests, if not the gateway itself
 */
export async function listenFor(gateway: Gateway, fetch: Gateway['fetch'] = gateway.fetch): Promise<number> {
  const answer = getRequestListener(fetch, asDaemon)
  const server = createServer(
    { maxHeaderSize: 65_536 },
    (request, response) => void answer(request, response),
  )
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(async () => {
    await gateway.close()
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return (server.address() as AddressInfo).port
}

/** Serves a gateway, as a server with larger limits than the gateway's own, on a free port of loopback. Closes the server and the gateway when the test finishes. */
export async function serveGateway(options: GatewayOptions) {
  const gateway = createGateway(options)
  const port = await listenFor(gateway)
  await gateway.ready
  const send = (method: string, path: string, asked: Asked = {}) => sendTo(port, method, path, asked)
  return { gateway, port, host: `127.0.0.1:${port}`, send }
}

/** Sends a request as a program does, with any header, and resolves with the whole answer. */
function sendTo(
  port: number,
  method: string,
  path: string,
  { headers = {}, body, token, enough = Infinity, onText }: Asked,
): Promise<Answered> {
  const content = typeof body === 'string' ? body : JSON.stringify(body)
  const sent = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const request = ask({ host: '127.0.0.1', port, method, path, headers: sent, agent: false }, (answer) => {
      let text = ''
      const finish = (): void =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: jsonOf(text) })
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        onText?.()
        if (text.length < enough) return
        finish()
        request.destroy()
      })
      answer.on('end', finish).on('error', reject)
    })
    request.on('error', reject).end(content)
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Route of the OpenAPI document. */
export interface DocumentedRoute {
  method: string
  path: string
  id: string
  /** Scopes of which a caller needs one; none for an open route. */
  scopes: Scope[]
}

interface OpenApiDocument {
  paths: Record<string, Record<string, { operationId: string; security: Record<string, Scope[]>[] }>>
}

/** Returns the routes of a gateway's OpenAPI document. */
export function routesOf(document: unknown): DocumentedRoute[] {
  const { paths } = document as OpenApiDocument
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { operationId, security }]) => ({
      method: method.toUpperCase(),
      path,
      id: operationId,
      scopes: security.flatMap((needed) => Object.values(needed).flat()),
    })),
  )
  expect(routes.length).toBeGreaterThan(15)
  return routes
}

/** Returns the path of a route with these values in the place of its parameters. */
export const pathWith = (path: string, values: Record<string, string> = {}): string =>
  path.replace(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? 'a1')
