import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { OpenCodeServer, type OpenCodeServerOptions } from 'opencode-runtime'
import { createApp } from './app.ts'

/** Running service. */
export interface Service extends AsyncDisposable {
  readonly server: OpenCodeServer
  readonly url: string
  /** Takes no more requests, lets running turns finish for up to `drainMs`, and ends the opencode server. */
  close(drainMs?: number): Promise<void>
}

/** Starts the service on loopback. @throws InvalidOptionsError for a bad option of the server. */
export async function startService(options: OpenCodeServerOptions, port = 0): Promise<Service> {
  const server = new OpenCodeServer(options)
  const listener = getRequestListener(createApp(server).fetch)
  const http = createServer((request, response) => void listener(request, response)).listen(port, '127.0.0.1')
  await once(http, 'listening')
  const close = async (drainMs = 10_000): Promise<void> => {
    const closed = once(http, 'close')
    http.close() // running responses go on
    await server.stop({ drainMs })
    await server.close() // what still runs ends with `cancelled`, and so does its response
    const unread = setTimeout(() => http.closeAllConnections(), 1_000) // clients that do not read
    http.closeIdleConnections() // those of the responses that just ended
    await closed
    clearTimeout(unread)
  }
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return { server, url, close, [Symbol.asyncDispose]: () => close() }
}
