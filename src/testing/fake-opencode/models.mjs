/** @import { Turn } from './turn.mjs' */
/** @import { Model, Rule } from './types.ts' */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseJson } from './util.mjs'

/** @typedef {{ provider?: Record<string, { models?: Record<string, unknown> }>, agent?: Record<string, unknown>, permission?: Rule['action'] | Record<string, unknown> }} Config */

/** @returns {Config | undefined} Global config, or `undefined` if the file cannot be read. */
function readConfig() {
  const folder = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  try {
    return /** @type {Config} */ (parseJson(readFileSync(join(folder, 'opencode', 'opencode.json'), 'utf8')))
  } catch {
    return undefined
  }
}

/** @type {Config | undefined} */
const config = readConfig()

/**
 * Returns the rules of the config that concern whole permissions.
 * @returns {Rule[]}
 */
export function permissionRules() {
  const { permission = {} } = config ?? {}
  const given = typeof permission === 'string' ? { '*': permission } : permission
  return Object.entries(given).flatMap(([name, action]) =>
    action === 'allow' || action === 'deny' || action === 'ask'
      ? [{ permission: name, pattern: '*', action }]
      : [],
  )
}

/**
 * Returns whether the config has a model. Without a config, every model is known.
 * @param {Model} model
 */
export function knowsModel({ providerID, modelID }) {
  const { provider } = config ?? {}
  return !provider || Object.hasOwn(provider[providerID]?.models ?? {}, modelID)
}

/**
 * Ends a turn with an unknown model.
 *
 * @remarks As in opencode: an error, idle, and the error again with its stack.
 * @param {Turn} turn
 */
export function refuseModel(turn) {
  const { providerID, modelID } = turn.model
  const message = `Model not found: ${providerID}/${modelID}.`
  turn.emitPrompt()
  turn.setStatus({ type: 'busy' })
  emitError(turn, message)
  turn.idle()
  emitError(turn, `ProviderModelNotFoundError: ${message}\n    at <anonymous> (fake-opencode:1:1)`)
}

const agents = ['build', 'explore', 'general', 'plan']

/**
 * Returns whether an agent of this name exists.
 * @param {string} name
 */
export const knowsAgent = (name) => agents.includes(name) || Object.hasOwn(config?.agent ?? {}, name)

/**
 * Ends a turn with an unknown agent.
 *
 * @remarks As in opencode: two errors, and neither busy nor idle.
 * @param {Turn} turn
 */
export function refuseAgent(turn) {
  const known = [...agents, ...Object.keys(config?.agent ?? {})].sort().join(', ')
  emitError(turn, `Agent not found: "${turn.agent}". Available agents: ${known}`)
  emitError(turn, 'UnknownError: UnknownError\n    at <anonymous> (fake-opencode:1:1)')
}

/**
 * @param {Turn} turn
 * @param {string} message
 */
function emitError(turn, message) {
  turn.emit('session.error', { error: { name: 'UnknownError', data: { message } } })
}
