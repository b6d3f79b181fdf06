/** @import { Call, Part, Session, SessionInfo } from './types.ts' */
import { setImmediate as tick } from 'node:timers/promises'
import { conversationRoutes, sessionOf } from './conversations.mjs'
import { askingRoutes } from './requests.mjs'
import { refuse, refuseKey } from './refusal.mjs'
import { listMessages } from './message-list.mjs'
import { newId } from './util.mjs'

/** @typedef {(call: Call) => unknown} Handler */

/** @type {Record<string, Handler>} */
const serverRoutes = {
  'GET /global/health': ({ server }) => ({ healthy: true, version: server.version }),
  'GET /config': () => ({ $schema: 'https://opencode.ai/config.json' }),
  'GET /event': ({ server, res, directory }) => server.streams.open(res, directory),
  'GET /global/event': ({ server, res }) => server.streams.open(res),
  'POST /global/dispose': async ({ server }) => {
    await server.dispose()
    return true
  },
  'POST /tui/append-prompt': ({ server, directory, body }) => {
    server.streams.emit(directory, 'tui.prompt.append', { ...body })
    return true
  },
}

/** @type {Record<string, Handler>} */
const sessionRoutes = {
  'POST /session': createSession,
  'GET /session': (call) => {
    const text = call.query.get('search') ?? ''
    // Sessions of all directories, unless the query names one: all are one project, as in opencode.
    const sessions = call.query.has('directory') ? sessionsOf(call) : [...call.server.sessions.values()]
    return sessions.flatMap(({ info }) => (info.title.includes(text) ? [info] : []))
  },
  'GET /session/status': (call) => {
    const busy = [...call.server.sessions.values()].filter(
      ({ turn, status }) => turn?.directory === call.directory && status && status.type !== 'idle',
    )
    return Object.fromEntries(busy.map(({ info, status }) => [info.id, status]))
  },
  'GET /session/:id': (call) => sessionOf(call).info,
  'DELETE /session/:id': deleteSession,
  'GET /session/:id/message': (call) => listMessages(call, sessionOf(call).messages),
  'POST /session/:id/message': promptAndWait,
  'POST /session/:id/prompt_async': (call) => {
    const session = sessionOf(call)
    checkPrompt(call)
    call.res.writeHead(204).end()
    void tick().then(() => call.server.prompt(session, call.body, call.directory)) // the 204 comes first
  },
  'POST /session/:id/abort': async ({ server, id }) => {
    const session = server.sessions.get(id)
    if (session) await server.abort(session)
    return true // unknown sessions get `true` too, so the answer proves nothing
  },
}

const routes = Object.entries({
  ...serverRoutes,
  ...sessionRoutes,
  ...conversationRoutes,
  ...askingRoutes,
}).map(([key, handler]) => {
  const [method, pattern = ''] = key.split(' ')
  return { method, pattern: new RegExp(`^${pattern.replace(':id', '([^/]+)')}$`), handler }
})

/**
 * @param {string} method
 * @param {string} path
 * @returns {{ handler: Handler | undefined, id: string }}
 */
export function findRoute(method, path) {
  for (const route of routes) {
    const match = route.method === method && route.pattern.exec(path)
    if (match) return { handler: route.handler, id: match[1] ?? '' }
  }
  return { handler: undefined, id: '' }
}

/** @param {Call} call */
function createSession({ server, body, directory }) {
  const now = Date.now()
  const { title = 'New session', parentID } = body
  /** @type {SessionInfo} */
  const info = {
    id: newId('ses'),
    slug: 'fake',
    projectID: 'global',
    directory,
    title,
    parentID,
    version: server.version,
    time: { created: now, updated: now },
  }
  const session = { info, messages: [] }
  server.sessions.set(info.id, session)
  server.store.save(session)
  for (const type of ['session.created', 'session.updated'])
    server.streams.emit(directory, type, { sessionID: info.id, info })
  return info
}

/**
 * Plays a prompt with a synchronous answer: one without a reply, or the prompt of a warm-up.
 * @param {Call} call
 */
function promptAndWait(call) {
  const session = sessionOf(call)
  checkPrompt(call)
  return call.body.noReply ? promptOnly(call, session) : warmUp(call, session)
}

/**
 * Adds a prompt that is not answered.
 * @param {Call} call
 * @param {Session} session
 */
async function promptOnly({ server, body, directory }, session) {
  const messageID = body.messageID ?? newId('msg')
  await server.prompt(session, { ...body, messageID }, directory)
  const added = session.messages.find(({ info }) => info.id === messageID)
  return added ?? refuse(500, 'UnknownError', 'Unexpected server error. Check server logs for details.')
}

/**
 * Plays the prompt of a warm-up, which has a file that no provider can pass to its model.
 * @param {Call} call
 * @param {Session} session
 */
function warmUp(call, { info }) {
  const [file] = call.body.parts ?? []
  const message = `'file part media type ${file?.mime}' functionality not supported.`
  const error = { name: 'UnknownError', data: { message } }
  call.server.streams.emit(info.directory, 'session.error', { sessionID: info.id, error })
  return { info: { id: newId('msg'), role: 'assistant', sessionID: info.id, error }, parts: [] }
}

/** @param {Call} call */
function deleteSession(call) {
  const session = sessionOf(call)
  const { info } = session
  call.server.sessions.delete(info.id)
  call.server.store.delete(session)
  call.server.streams.emit(info.directory, 'session.deleted', { sessionID: info.id, info })
  return true
}

/** @param {Call} call */
const sessionsOf = ({ server, directory }) =>
  [...server.sessions.values()].filter(({ info }) => info.directory === directory)

/** @type {Record<string, (keyof Part)[]>} */
const needed = { text: ['text'], file: ['mime', 'url'] }

/** @param {Call} call */
function checkPrompt({ body: { parts, messageID = 'msg' } }) {
  if (!Array.isArray(parts)) return refuseKey('["parts"]')
  for (const [i, part] of parts.entries())
    for (const key of needed[part.type] ?? ['type'])
      if (typeof part[key] !== 'string') refuseKey(`["parts"][${i}]["${key}"]`)
  if (!messageID.startsWith('msg'))
    refuse(400, 'BadRequest', 'Expected a string starting with "msg"\n  at ["messageID"]')
}
