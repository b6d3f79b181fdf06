/** Prefix of the names under which the model sees host tools, so that no tool of opencode has such a name. */
const prefix = 'host_'

/** Returns the name under which the model sees a host tool. */
export const hostToolName = (key: string): string => `${prefix}${key}`

/** Returns the key of a host tool by the name that the model sees; `undefined` for any other tool. */
export function hostToolKey(name: string, keys: { has(key: string): boolean }): string | undefined {
  if (!name.startsWith(prefix)) return undefined
  const key = name.slice(prefix.length)
  return keys.has(key) ? key : undefined
}
