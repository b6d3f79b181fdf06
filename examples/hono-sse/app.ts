import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { OpenCodeServer } from 'opencode-runtime'

/** Creates the routes. The app knows no users, so it belongs on loopback, or behind your own authentication. */
export function createApp(server: OpenCodeServer): Hono {
  const app = new Hono()

  /**
   * Runs a turn, and sends each reply as one event. The events have no name, because `kind` is in the data and an
   * event named `error` would look like a lost connection to an `EventSource`.
   */
  app.post('/turns', async (c) => {
    // A web page of another origin cannot send this type without asking first.
    if (c.req.header('content-type') !== 'application/json') return c.body(null, 415)
    const text = textOf(await c.req.json().catch(() => undefined))
    if (text === undefined) return c.json({ error: 'text: expected a string' }, 400)
    return streamSSE(c, async (stream) => {
      const turn = server.turn({ text, traceId: c.req.header('x-request-id') ?? null })
      stream.onAbort(() => turn.cancel())
      for await (const reply of turn) await stream.writeSSE({ data: JSON.stringify(reply) })
    })
  })

  /** Tells a load balancer whether turns would run. The server starts with the first turn, so idle is fine. */
  app.get('/health', (c) => {
    const isFailed = server.actor.getSnapshot().matches('failed')
    return c.json({ ok: !isFailed }, isFailed ? 503 : 200)
  })

  return app
}

function textOf(body: unknown): string | undefined {
  const { text } = Object(body) as { text?: unknown }
  return typeof text === 'string' ? text : undefined
}
