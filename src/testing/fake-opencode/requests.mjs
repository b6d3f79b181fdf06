/** @import { Turn } from './turn.mjs' */
/** @import { FakeServer } from './server.mjs' */
/** @import { Body, Call, Pending, RunningTool } from './types.ts' */
import { refuseKey, refuseTagged } from './refusal.mjs'
import { newId } from './util.mjs'

/**
 * Sends a `permission` or `question` request. Resolves with the body of the reply. As in opencode, the request stays
 * open if the turn is aborted.
 * @param {Turn} turn
 * @param {RunningTool} tool
 * @param {Pending['kind']} kind
 * @param {Record<string, unknown>} details
 * @returns {Promise<Body>}
 */
export async function ask(turn, { callID }, kind, details) {
  const { directory } = turn
  const { id: sessionID } = turn.session.info
  const tool = { messageID: turn.answerId, callID }
  const request = { id: newId(kind.slice(0, 3)), sessionID, ...details, tool }
  const { pending } = turn.server
  /** @type {Promise<Body>} */
  const reply = new Promise((answer) => pending.set(request.id, { kind, directory, request, answer }))
  turn.emit(`${kind}.asked`, request)
  return turn.until(reply)
}

/**
 * Returns the pending requests of a directory.
 * @param {Call} call
 * @param {Pending['kind']} kind
 */
function list({ server, directory }, kind) {
  const waiting = [...server.pending.values()]
  return waiting
    .filter((entry) => entry.kind === kind && entry.directory === directory)
    .map(({ request }) => request)
}

const notFound = { permission: 'PermissionNotFoundError', question: 'QuestionNotFoundError' }

/**
 * Answers a request.
 *
 * @remarks As in opencode: a request of another directory is not found.
 * @param {Call} call
 * @param {Pending['kind']} kind
 * @param {'replied' | 'rejected'} fact
 * @param {Record<string, unknown>} [properties]
 */
function answer({ server, id, body, directory }, kind, fact, properties) {
  const entry = server.pending.get(id)
  if (entry?.kind !== kind || entry.directory !== directory) return refuseTagged(404, notFound[kind], id)
  close(server, entry, body, fact, properties)
  if (kind === 'permission') closeOthers(server, entry, body)
  return true
}

/**
 * Closes a request.
 * @param {FakeServer} server
 * @param {Pending} entry
 * @param {Body} body
 * @param {'replied' | 'rejected'} fact
 * @param {Record<string, unknown>} [properties]
 */
function close(server, { kind, directory, request, answer }, body, fact, properties) {
  const { id: requestID, sessionID } = request
  server.pending.delete(requestID)
  server.streams.emit(directory, `${kind}.${fact}`, { sessionID, requestID, ...properties })
  answer(body)
}

/**
 * Closes the permissions of the same session beside an answered permission: a rejection rejects all of them,
 * without its message; `always` grants those that it covers.
 *
 * @remarks Observed in opencode.
 * @param {FakeServer} server
 * @param {Pending} answered
 * @param {Body} body
 */
function closeOthers(server, { directory, request: { sessionID, permission, always } }, { reply }) {
  if (reply === 'once') return
  if (reply === 'always')
    for (const pattern of patterns(always)) server.allowed.add(grantOf(directory, permission, pattern))
  for (const entry of server.pending.values()) {
    const { kind, request } = entry
    if (kind !== 'permission' || request.sessionID !== sessionID) continue
    const isCovered = patterns(request['patterns']).every((each) =>
      server.allowed.has(grantOf(directory, request['permission'], each)),
    )
    if (reply === 'reject' || isCovered)
      close(server, entry, { ...(reply && { reply }) }, 'replied', { reply })
  }
}

/**
 * Returns the key of a permission that was granted for always.
 * @param {string} directory
 * @param {unknown} permission
 * @param {string} pattern
 */
export const grantOf = (directory, permission, pattern) => `${directory}:${String(permission)}:${pattern}`

/** @param {unknown} value */
const patterns = (value) => /** @type {string[]} */ (value ?? [])

/** @type {Record<string, (call: Call) => unknown>} */
export const askingRoutes = {
  'GET /permission': (call) => list(call, 'permission'),
  'GET /question': (call) => list(call, 'question'),
  'POST /permission/:id/reply': (call) => {
    const { reply = '' } = call.body
    if (!['once', 'always', 'reject'].includes(reply)) refuseKey('["reply"]')
    return answer(call, 'permission', 'replied', { reply })
  },
  'POST /question/:id/reply': (call) => {
    const { answers } = call.body
    if (!Array.isArray(answers)) refuseKey('["answers"]')
    return answer(call, 'question', 'replied', { answers })
  },
  'POST /question/:id/reject': (call) => answer(call, 'question', 'rejected'),
}
