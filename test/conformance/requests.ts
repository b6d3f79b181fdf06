import type { OpenCodeServer } from '../../src/index.ts'

/** Sends a plain request, without the runtime. Resolves with the status and the shape of the body. */
export async function say(
  server: OpenCodeServer,
  method: string,
  path: string,
  body?: unknown,
  isLetIn = true,
): Promise<{ status: number; body: unknown }> {
  const key = Buffer.from(`opencode:${server.password ?? ''}`).toString('base64')
  const response = await fetch(new URL(path, server.baseURL), {
    method,
    headers: {
      ...(isLetIn && { authorization: `Basic ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: kindOf(await response.text()) }
}

/** Creates a session by a plain request; resolves with its id and with the directory that the server reports. */
export async function makeSession(
  server: OpenCodeServer,
  path: string,
  header?: string,
): Promise<{ id: string; directory: string }> {
  const key = Buffer.from(`opencode:${server.password ?? ''}`).toString('base64')
  const response = await fetch(new URL(path, server.baseURL), {
    method: 'POST',
    headers: {
      authorization: `Basic ${key}`,
      'content-type': 'application/json',
      ...(header !== undefined && { 'x-opencode-directory': header }),
    },
    body: JSON.stringify({ title: 'x' }),
  })
  return (await response.json()) as { id: string; directory: string }
}

/** Returns a path with the directory of the server, because requests of other directories are not found. */
export function inDirectory(server: OpenCodeServer, path: string): string {
  const { directory } = server.actor.getSnapshot().context.options.values
  return `${path}?directory=${encodeURIComponent(directory)}`
}

/** Returns the name and the keys of an object, without its texts. */
function kindOf(text: string): unknown {
  if (/^<!doctype html/i.test(text)) return '<page>'
  if (!text.startsWith('{')) return text
  const body = JSON.parse(text) as { name?: string; _tag?: string }
  return [body.name ?? body._tag ?? '', ...Object.keys(body).sort()].join(' ')
}
