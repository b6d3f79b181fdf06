/** @import { Call, Message, MessageInfo, Session, SessionInfo } from './types.ts' */
import { Turn } from './turn.mjs'
import { repositoryOf, restoreFiles } from './files.mjs'
import { refuse, refuseKey } from './refusal.mjs'
import { newId } from './util.mjs'

/** @typedef {(call: Call) => unknown} Handler */

/** Text of every summary. The scripted model answers the same. */
const summaryText = 'Scripted summary'

/** @type {Record<string, Handler>} */
export const conversationRoutes = {
  'GET /experimental/session': list,
  'GET /session/:id/children': (call) => {
    const { info } = sessionOf(call)
    return infosOf(call).filter(({ parentID }) => parentID === info.id)
  },
  'GET /session/:id/todo': (call) => sessionOf(call).todos ?? [],
  'PATCH /session/:id': (call) => {
    const session = sessionOf(call)
    if (call.body.title !== undefined) session.info.title = call.body.title
    return emitted(call, session)
  },
  'POST /session/:id/fork': fork,
  'POST /session/:id/revert': (call) => {
    const session = idleSessionOf(call)
    const { messageID } = call.body
    if (messageID === undefined) return refuseKey('["messageID"]')
    if (session.messages.some(({ info }) => info.id === messageID)) {
      restoreFiles(session, messageID)
      const hasFiles = repositoryOf(session.info.directory) !== undefined
      session.info.revert = { messageID, ...(hasFiles && { snapshot: 'fake' }) }
    }
    return changed(call, session)
  },
  'POST /session/:id/unrevert': (call) => {
    const session = idleSessionOf(call)
    restoreFiles(session)
    delete session.info.revert
    return changed(call, session)
  },
  'POST /session/:id/summarize': summarize,
  'DELETE /session/:id/message/[^/]+': (call) => {
    const session = idleSessionOf(call)
    const messageID = call.path.split('/').at(-1)
    session.messages = session.messages.filter(({ info }) => info.id !== messageID)
    call.server.store.save(session)
    return true
  },
  'GET /session/:id/diff': (call) => {
    const id = call.query.get('messageID')
    const message = sessionOf(call).messages.find(({ info }) => info.id === id)
    return /** @type {{ diffs?: unknown[] } | undefined} */ (message?.info['summary'])?.diffs ?? []
  },
}

/**
 * Returns the session of a request.
 * @param {Call} call
 * @returns {Session}
 */
export function sessionOf({ server, id }) {
  return server.sessions.get(id) ?? refuse(404, 'NotFoundError', `Session not found: ${id}`)
}

/** @param {Call} call */
function idleSessionOf(call) {
  const session = sessionOf(call)
  if (session.turn) refuse(409, 'SessionBusyError', `Session ${session.info.id} is busy`)
  return session
}

/** @param {Call} call */
const infosOf = ({ server }) => [...server.sessions.values()].map(({ info }) => info)

/**
 * Lists the sessions of all projects, the latest changed first.
 * @param {Call} call
 */
function list(call) {
  const { query } = call
  const before = Number(query.get('cursor') ?? Infinity)
  const isLike = likeOf(query.get('search') ?? '')
  return infosOf(call)
    .filter(({ parentID }) => query.get('roots') !== 'true' || !parentID)
    .filter(({ title, time }) => isLike.test(title) && time.updated < before)
    .sort((a, b) => b.time.updated - a.time.updated || (a.id < b.id ? 1 : -1))
    .slice(0, Number(query.get('limit') ?? 100))
}

/**
 * Returns a pattern for titles that contain a text. As in opencode, `%` and `_` are wildcards.
 * @param {string} text
 */
function likeOf(text) {
  const literal = text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
  return new RegExp(literal.replaceAll('%', '.*').replaceAll('_', '.'), 'is')
}

/**
 * Copies the messages before a message into a new session.
 * @param {Call} call
 */
function fork(call) {
  const { info, messages } = sessionOf(call)
  const { server, body } = call
  const now = Date.now()
  const id = newId('ses')
  /** @type {SessionInfo} */
  const copy = { ...info, id, title: forkedTitle(info.title), time: { created: now, updated: now } }
  delete copy.revert
  const end = messages.findIndex(({ info: { id: messageID } }) => messageID === body.messageID)
  const session = { info: copy, messages: copiesOf(messages.slice(0, end < 0 ? undefined : end), id) }
  server.sessions.set(id, session)
  server.streams.emit(copy.directory, 'session.created', { sessionID: id, info: copy })
  return changed(call, session)
}

/** @param {string} title */
function forkedTitle(title) {
  const [, base = title, number = '0'] = /^(.+) \(fork #(\d+)\)$/.exec(title) ?? []
  return `${base} (fork #${Number(number) + 1})`
}

/**
 * Returns copies of messages, with ids of their own.
 * @param {Message[]} messages
 * @param {string} sessionID
 * @returns {Message[]}
 */
function copiesOf(messages, sessionID) {
  const ids = new Map(messages.map(({ info }) => [info.id, newId('msg')]))
  return messages.map(({ info, parts }) => {
    const id = ids.get(info.id) ?? info.id
    /** @type {MessageInfo} */
    const copy = { ...info, id, sessionID }
    const parentID = ids.get(info.parentID ?? '')
    if (parentID !== undefined) copy.parentID = parentID
    return {
      info: copy,
      parts: parts.map((part) => ({ ...part, id: newId('prt'), messageID: id, sessionID })),
    }
  })
}

/**
 * Compacts a session: the model writes a summary, which takes no time.
 * @param {Call} call
 */
async function summarize(call) {
  const session = idleSessionOf(call)
  const { providerID, modelID, auto = false } = call.body
  if (providerID === undefined) return refuseKey('["providerID"]')
  if (modelID === undefined) return refuseKey('["modelID"]')
  const turn = new Turn(call.server, session, { model: { providerID, modelID } })
  call.server.forget(session)
  await call.server.runTurn(turn, () => turn.summarize(summaryText, auto))
  return true
}

/**
 * Stores and emits a session that has changed now, and returns it.
 * @param {Call} call
 * @param {Session} session
 */
function changed(call, session) {
  session.info.time.updated = Date.now()
  return emitted(call, session)
}

/**
 * Stores and emits a changed session, and returns it.
 * @param {Call} call
 * @param {Session} session
 */
function emitted({ server }, session) {
  const { info } = session
  server.store.save(session)
  server.streams.emit(info.directory, 'session.updated', { sessionID: info.id, info })
  return info
}
