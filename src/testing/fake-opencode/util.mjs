/** @import { Model, Tokens, WireEvent } from './types.ts' */
import { appendFileSync } from 'node:fs'

/** Version of opencode that the fake imitates. All remarks in this folder were observed in this version. */
export const imitatedVersion = '1.18.33'

/**
 * Beginning of opencode's web app.
 *
 * @remarks As in opencode: any unknown path answers with this page and status 200.
 */
export const page = '<!doctype html><html><head><title>OpenCode</title></head><body></body></html>\n'

/** @type {Model} */
export const anyModel = { providerID: 'litellm', modelID: 'gpt-4o' }

let ids = 0

/**
 * Returns an id that is unique across restarts and ordered within one process.
 * @param {string} prefix
 */
export function newId(prefix) {
  return `${prefix}_${Date.now().toString(16)}${String(ids++).padStart(6, '0')}${process.pid.toString(36)}`
}

/**
 * @param {string} type
 * @param {Record<string, unknown>} properties
 * @returns {WireEvent}
 */
export const newEvent = (type, properties) => ({ id: newId('evt'), type, properties })

/**
 * @param {number} input
 * @param {number} output
 * @param {{ reasoning?: number, cached?: number }} [of]
 * @returns {Tokens}
 */
export function countTokens(input, output, { reasoning = 0, cached = 0 } = {}) {
  const tokens = { input: input - cached, output: output - reasoning, reasoning }
  return { total: input + output, ...tokens, cache: { read: cached, write: 0 } }
}

/**
 * Appends a JSON line to a file, if a file is given.
 * @param {string | undefined} file
 * @param {unknown} line
 */
export function appendLine(file, line) {
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/**
 * @param {string} text
 * @returns {unknown}
 */
export function parseJson(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * @param {number} code
 * @param {string} message
 * @returns {never}
 */
export function exit(code, message) {
  process.stderr.write(message)
  process.exit(code)
}
