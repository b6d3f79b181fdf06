/** @import { Call, Message } from './types.ts' */
import { refuse } from './refusal.mjs'
import { parseJson } from './util.mjs'

/**
 * Answers a request for messages: all of them, or a page of the newest ones before a cursor.
 *
 * @remarks As in opencode: a list with a prompt that has a format cannot be encoded, unless it is a page with an
 * older page behind it. The header names the cursor of that page.
 * @param {Call} call
 * @param {readonly Message[]} messages oldest first
 */
export function listMessages({ query, res }, messages) {
  const limit = Number(query.get('limit') ?? 0)
  const before = query.get('before')
  if (limit === 0) return encoded(messages)
  const end = before === null ? messages.length : indexOf(messages, before)
  const page = messages.slice(Math.max(0, end - limit), end)
  const [oldest] = page
  if (end <= limit || !oldest) return encoded(page)
  const cursor = JSON.stringify({ id: oldest.info.id, time: oldest.info.time.created })
  res.setHeader('x-next-cursor', Buffer.from(cursor).toString('base64url'))
  return page
}

/**
 * @param {readonly Message[]} messages
 * @param {string} cursor
 */
function indexOf(messages, cursor) {
  const { id } = /** @type {{ id?: string }} */ (parseJson(Buffer.from(cursor, 'base64url').toString()) ?? {})
  return messages.findIndex(({ info }) => info.id === id)
}

/** @param {readonly Message[]} messages */
const encoded = (messages) =>
  messages.some(({ info }) => info.format) ? refuse(400, 'BadRequest', 'Bad Request') : messages
