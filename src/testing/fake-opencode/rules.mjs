/** @import { Turn } from './turn.mjs' */
/** @import { Rule } from './types.ts' */
import { permissionRules } from './models.mjs'

/**
 * Returns whether the model is not offered a tool in a turn.
 * @param {Turn} turn
 * @param {string} name
 */
export function isHidden({ body, session }, name) {
  if (body.tools?.[name] === false) return true
  const rule = lastRule([...permissionRules(), ...(session.info.permission ?? [])], name)
  return rule?.action === 'deny' && rule.pattern === '*'
}

/**
 * Returns what the rules say about a permission.
 * @param {Turn} turn
 * @param {string} permission
 * @returns {Rule['action']}
 */
export const actionOf = ({ session }, permission) =>
  lastRule([...permissionRules(), ...(session.info.permission ?? [])], permission)?.action ?? 'allow'

/**
 * Returns the rules that the field `tools` of a prompt leaves in the session.
 * @param {Record<string, boolean>} tools
 * @returns {Rule[]}
 */
export const rulesOf = (tools) =>
  Object.entries(tools).map(([permission, isAllowed]) => ({
    permission,
    pattern: '*',
    action: isAllowed ? 'allow' : 'deny',
  }))

/**
 * @param {Rule[]} rules
 * @param {string} name
 */
const lastRule = (rules, name) => rules.findLast(({ permission }) => isMatch(permission, name))

/**
 * @param {string} pattern
 * @param {string} name
 */
const isMatch = (pattern, name) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`).test(name)

/** @param {string} text */
const escaped = (text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
