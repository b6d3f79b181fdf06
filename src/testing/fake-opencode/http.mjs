/** @import { IncomingMessage, ServerResponse } from 'node:http' */
/** @import { FakeServer } from './server.mjs' */
/** @import { Body, Call } from './types.ts' */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Refusal, sendJson } from './refusal.mjs'
import { findRoute } from './routes.mjs'
import { appendLine, page, parseJson } from './util.mjs'

/** Maximum length of a recorded body, in characters. For a longer body, only the length is recorded. */
const longestBody = 65_536

/**
 * Answers a request.
 * @param {FakeServer} server
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 */
export async function handle(server, req, res) {
  const call = await readCall(server, req, res).catch(() => undefined)
  if (!call) return // the client disconnected before the request was complete
  const authorized = isAuthorized(req)
  recordCall(call, authorized)
  if (server.behaviour.intercept?.(call)) return
  if (!authorized) return res.writeHead(401, { 'www-authenticate': 'Basic realm="Secure Area"' }).end()
  const { handler, id } = findRoute(req.method ?? '', call.path)
  if (!handler) return res.writeHead(200, { 'content-type': 'text/html' }).end(page)
  try {
    const answer = await handler({ ...call, id })
    if (answer !== undefined) sendJson(res, 200, answer)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    sendJson(res, error.status, error.body)
  }
}

/**
 * @param {FakeServer} server
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 * @returns {Promise<Call>}
 */
async function readCall(server, req, res) {
  const url = new URL(req.url ?? '', 'http://fake-opencode')
  const raw = await text(req)
  const body = /** @type {Body} */ (parseJson(raw) ?? {})
  const directory = directoryOf(server, req, url)
  return {
    server,
    req,
    res,
    raw,
    body,
    path: decoded(url.pathname),
    query: url.searchParams,
    directory,
    id: '',
  }
}

/**
 * Returns the directory of a request.
 *
 * @remarks As in opencode: the directory's name is decoded once more than HTTP requires. A
 * route of a session uses the session's directory, unless the session's id is escaped in the path.
 * @param {FakeServer} server
 * @param {IncomingMessage} req
 * @param {URL} url
 */
function directoryOf({ sessions, faults }, req, { pathname, searchParams }) {
  const header = req.headers['x-opencode-directory']?.toString()
  const { info } = sessions.get(/^\/session\/([^/]+)/.exec(pathname)?.[1] ?? '') ?? {}
  const query = searchParams.get('directory')
  if (info === undefined && !query && header) return realPathOf(decoded(header, faults.headerDecodes))
  return realPathOf(decoded(info?.directory || query || process.cwd()))
}

/** @param {string} named */
function realPathOf(named) {
  const path = resolve(named)
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** @param {string} name @returns {string} */
function decoded(name, times = 1) {
  try {
    return times === 0 ? name : decoded(decodeURIComponent(name), times - 1)
  } catch {
    return name
  }
}

/**
 * @param {Call} call
 * @param {boolean} authorized
 */
function recordCall({ server, req, raw, body, path, query, directory }, authorized) {
  const search = query.size === 0 ? '' : `?${query.toString()}`
  appendLine(server.config.requestsFile, {
    pid: process.pid,
    at: Date.now(),
    method: req.method,
    url: `${path}${search}`,
    directory,
    authorized,
    body: raw === '' ? undefined : raw.length > longestBody ? `${raw.length} characters` : body,
  })
}

/** @param {IncomingMessage} req */
function isAuthorized(req) {
  const { OPENCODE_SERVER_USERNAME: user = 'opencode', OPENCODE_SERVER_PASSWORD: password } = process.env
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return !password || req.headers.authorization === expected
}
