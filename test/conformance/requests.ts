import type { OpenCodeServer } from '../../src/index.ts'

/** A plain request, as somebody else would make it; answers the status, and what kind of body it has. */
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

/** A path with the directory that the server works in: requests of others are not found. */
export function inDirectory(server: OpenCodeServer, path: string): string {
  const { directory } = server.actor.getSnapshot().context.options.values
  return `${path}?directory=${encodeURIComponent(directory)}`
}

/** Of an object its name and its keys: the words are not for programs. */
function kindOf(text: string): unknown {
  if (/^<!doctype html/i.test(text)) return '<page>'
  if (!text.startsWith('{')) return text
  const body = JSON.parse(text) as { name?: string; _tag?: string }
  return [body.name ?? body._tag ?? '', ...Object.keys(body).sort()].join(' ')
}
