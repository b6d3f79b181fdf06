/** Error for a request that is answered with an HTTP error. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {object} body
   */
  constructor(status, body) {
    super(`HTTP ${status}`)
    this.status = status
    this.body = body
  }
}

/**
 * @param {number} status
 * @param {string} name
 * @param {string} message
 * @returns {never}
 */
export function refuse(status, name, message) {
  throw new Refusal(status, { name, data: { message } })
}

/**
 * Refuses a request in the shape of opencode's newer routes.
 * @param {number} status
 * @param {string} tag
 * @param {string} requestID
 * @returns {never}
 */
export function refuseTagged(status, tag, requestID) {
  throw new Refusal(status, { _tag: tag, requestID, message: `Request not found: ${requestID}` })
}

/**
 * @param {string} path
 * @returns {never}
 */
export function refuseKey(path) {
  return refuse(400, 'BadRequest', `Missing key\n  at ${path}`)
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {number} status
 * @param {unknown} body
 */
export function sendJson(res, status, body) {
  return res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
