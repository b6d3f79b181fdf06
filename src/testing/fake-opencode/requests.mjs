/** @import { Turn } from './turn.mjs' */
/** @import { Body, Call, Pending, RunningTool } from './types.ts' */
import { refuseKey, refuseTagged } from './refusal.mjs'
import { newId } from './util.mjs'

/**
 * Sends a `permission` or `question` request. Resolves with the body of the reply.
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
  try {
    return await turn.until(reply)
  } finally {
    pending.delete(request.id)
  }
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
  server.pending.delete(id)
  const { sessionID } = entry.request
  server.streams.emit(directory, `${kind}.${fact}`, { sessionID, requestID: id, ...properties })
  entry.answer(body)
  return true
}

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
