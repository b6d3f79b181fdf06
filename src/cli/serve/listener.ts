import { chmodSync } from 'node:fs'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { addressText, type ListenAddress } from '../../gateway/config/listen.ts'
import { errnoOf } from '../../io/host/host-fault.ts'
import { messageOf } from '../../util/messages.ts'
import { removeStaleSocket } from './socket-file.ts'

/** Answers requests, as a gateway does. */
export type Fetch = (request: Request, connection?: unknown) => Promise<Response>

/** Server that listens. */
export interface Listener {
  /** Address that the server listens on; the port is the real one. */
  readonly address: ListenAddress
  /** Stops listening. Open connections have a moment to end. */
  close(): Promise<void>
}

/**
 * Time in ms for which a connection without a request stays open: longer than the 60 s of common reverse proxies,
 * which would else send a request on a connection that closes.
 */
const keepAliveMs = 75_000

/** Time in ms that open connections have to end, after the gateway has ended its streams. */
const lastMomentMs = 1_000

/**
 * Listens on an address, and answers requests by `fetch`.
 *
 * @param socketMode - mode of a socket file
 * @throws Error that names the address and what to do
 */
export async function listen(address: ListenAddress, socketMode: string, fetch: Fetch): Promise<Listener> {
  const server = createAdaptorServer({ fetch, overrideGlobalObjects: false }) as Server
  server.keepAliveTimeout = keepAliveMs
  try {
    if ('path' in address) await listenOnSocket(server, address.path, Number.parseInt(socketMode, 8))
    else await started(server, () => server.listen(address.port, address.host))
  } catch (error) {
    throw new Error(`cannot listen on ${addressText(address)}: ${adviceOf(error)}`, { cause: error })
  }
  return { address: boundAddress(server, address), close: () => close(server) }
}

async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  await removeStaleSocket(path)
  // The mask applies when the file is created, so that nobody else can connect before the chmod.
  const mask = process.umask(0o777 & ~mode)
  const start = started(server, () => server.listen(path))
  process.umask(mask)
  await start
  chmodSync(path, mode)
}

/** Calls a function that starts to listen, and resolves when the server listens. */
async function started(server: Server, start: () => void): Promise<void> {
  const listening = once(server, 'listening')
  start()
  await listening
}

function boundAddress(server: Server, address: ListenAddress): ListenAddress {
  const bound = server.address()
  return 'path' in address || typeof bound !== 'object' || bound === null
    ? address
    : { ...address, port: bound.port }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const timer = setTimeout(() => server.closeAllConnections(), lastMomentMs)
  await closed
  clearTimeout(timer)
}

function adviceOf(error: unknown): string {
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return 'the address is in use by another process: end it, or choose another address'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine does not have the address'
    case 'EACCES':
      return 'the permission is missing: use a port from 1024 on, or a folder that you may write to'
    case 'ENOENT':
      return 'the folder of the socket does not exist: create it first'
    default:
      return messageOf(error)
  }
}
