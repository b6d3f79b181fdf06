/** @import { IncomingMessage, ServerResponse } from 'node:http' */
/** @import { FakeServer } from './server.mjs' */
/** @import { Body, Call } from './types.ts' */
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Refusal, sendJson } from './refusal.mjs'
import { findRoute } from './routes.mjs'
import { appendLine, page, parseJson } from './small.mjs'

/** A body beyond this is recorded by its length alone. */
const longestBody = 65_536

/**
 * Answers a request.
 * @param {FakeServer} server
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 */
export async function handle(server, req, res) {
  const call = await readCall(server, req, res).catch(() => undefined)
  if (!call) return // the client left before its request was whole
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
  const header = req.headers['x-opencode-directory']?.toString()
  const named = url.searchParams.get('directory') ?? (header && decodeURIComponent(header))
  const directory = resolve(named || process.cwd())
  return { server, req, res, raw, body, path: url.pathname, query: url.searchParams, directory, id: '' }
}

/**
 * @param {Call} call
 * @param {boolean} authorized
 */
function recordCall({ server, req, raw, body, directory }, authorized) {
  appendLine(server.config.requestsFile, {
    pid: process.pid,
    at: Date.now(),
    method: req.method,
    url: req.url,
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
