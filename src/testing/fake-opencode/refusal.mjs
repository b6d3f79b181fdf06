/** A request that gets no success. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} name
   * @param {string} message
   */
  constructor(status, name, message) {
    super(message)
    this.status = status
    this.name = name
  }
}

/**
 * @param {number} status
 * @param {string} name
 * @param {string} message
 * @returns {never}
 */
export function refuse(status, name, message) {
  throw new Refusal(status, name, message)
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
