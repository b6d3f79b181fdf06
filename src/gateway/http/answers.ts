/** Headers of every answer. No answer may be kept by a cache, because answers depend on the token. */
export const commonHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

/** Returns an answer with a value as JSON. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...commonHeaders, 'content-type': 'application/json', ...headers },
  })
}

/** Returns an answer with a stream. Its headers are sent at once. */
export const streamAnswer = (
  body: ReadableStream<Uint8Array>,
  type: string,
  headers: Record<string, string> = {},
): Response =>
  new Response(body, {
    headers: {
      ...commonHeaders,
      'content-type': type,
      // A proxy must not hold replies back.
      'x-accel-buffering': 'no',
      ...headers,
    },
  })

/** Returns an answer without a body. */
export function empty(status: 204, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers: { ...commonHeaders, ...headers } })
}

/** Returns an answer with a text. */
export function plain(status: number, text: string, type = 'text/plain; charset=utf-8'): Response {
  return new Response(text, { status, headers: { ...commonHeaders, 'content-type': type } })
}
