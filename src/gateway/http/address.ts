/** Connection as servers describe one: our own form, the bindings of `@hono/node-server`, the server of Bun. */
interface Connection {
  address?: unknown
  incoming?: { socket?: { remoteAddress?: unknown } }
  requestIP?: (request: Request) => { address?: unknown } | null
}

/** Returns the address of the client of a request, if the server tells it. */
export function addressOf(request: Request, connection: unknown): string | undefined {
  const known = Object(connection) as Connection
  const address =
    known.address ??
    known.incoming?.socket?.remoteAddress ??
    (typeof known.requestIP === 'function' ? known.requestIP(request)?.address : undefined)
  return typeof address === 'string' ? address : undefined
}
