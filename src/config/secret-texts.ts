/** Pattern of names that mark a secret: names of variables, fields, flags and query parameters. */
const secretName = /key|token(?!iz)|secret|passw|credential|authorization|cookie|^-*auth$/i

/** Maximum depth of nesting; a deeper value is treated as endless. */
const deepest = 64

/**
 * Pattern of references in the config.
 *
 * @remarks Observed in opencode: opencode replaces such a reference by another text, wherever the
 * config has it.
 */
const reference = /^(?:[A-Za-z]+ +)?\{(env|file):[^}]*\}$/

/**
 * Names of objects whose fields have names that the user has chosen, or that name the fields of something else.
 *
 * @remarks Observed in opencode: the config has its MCP servers, agents, commands, providers and models by name. The other
 * names are those of JSON Schema.
 */
const named = new Set([
  ...['mcp', 'agent', 'mode', 'command', 'provider', 'models', 'variants', 'formatter', 'lsp'],
  ...['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'],
])

/**
 * Names of objects in which no name marks a secret.
 *
 * @remarks Observed in opencode: the fields of a permission are patterns, such as `*.key`; those of the keybinds, commands.
 */
const open = new Set(['permission', 'keybinds'])

const marksSecret = (name: string): boolean => secretName.test(name) && !open.has(name)

/**
 * Returns the name that counts for a field: its own one, or the secret name of an object around it, because all texts below
 * a secret name are secret. A name that marks nothing is empty.
 *
 * @param outer - name that counts for the object of the field
 */
export function countingName(outer: string, name: string, value: unknown): string {
  if (open.has(outer) || marksSecret(outer)) return outer
  return named.has(outer) && typeof value === 'object' ? '' : name
}

/**
 * Returns the secret texts in a value, at any depth up to the limit: all texts of fields, flags (`--token x`, `--token=x`)
 * and query parameters with a secret name, and the credentials before the host of a URL.
 *
 * @param name - name that counts for the value
 */
export function secretTexts(value: unknown, name = '', depth = 0): string[] {
  if (typeof value === 'string') return [...(marksSecret(name) ? itself(value) : []), ...within(value, name)]
  if (typeof value !== 'object' || value === null || depth > deepest) return []
  if (!Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) =>
      secretTexts(inner, countingName(name, key, inner), depth + 1),
    )
  return value.flatMap((item, i) => secretTexts(item, flagBefore(value[i - 1]) ?? name, depth + 1))
}

/**
 * Returns a secret as written and without its scheme (`Bearer …`); for a Basic scheme also the decoded
 * credentials.
 */
function itself(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([A-Za-z]+) +(\S+)$/.exec(value) ?? []
  const basic = /^basic$/i.test(scheme) ? Buffer.from(credentials, 'base64').toString() : ''
  return [value, credentials, basic, basic.slice(basic.indexOf(':') + 1)].filter(
    (text) => text !== '' && !reference.test(text),
  )
}

/** Returns the secrets within a text: the value of a secret flag, and the secrets of a URL. */
function within(value: string, name: string): string[] {
  if (/\s/.test(value)) return []
  const [, flag = '', given = ''] = /^(--?[\w-]+)=(.+)$/.exec(value) ?? []
  const ofFlag = secretName.test(flag) ? itself(given) : []
  return value.includes('://') || /proxy/i.test(name) ? [...ofFlag, ...secretsInURL(value)] : ofFlag
}

const flagBefore = (item: unknown): string | undefined =>
  typeof item === 'string' && /^--?[\w-]+$/.test(item) ? item : undefined

/**
 * Returns the secrets of a URL, as written and decoded: the password (or the user name, if the URL has no
 * password), and the query parameters with a secret name. The scheme may be missing, as in `http_proxy`.
 */
export function secretsInURL(text: string): string[] {
  const [, user = ''] = /^(?:[^/]*:\/\/)?([^/]+)@/.exec(text) ?? []
  const colon = user.indexOf(':')
  const query = (/\?([^#]*)/.exec(text)?.[1] ?? '').split('&').map((pair) => pair.split(/=(.*)/s))
  const secret = query.filter(([name = '']) => /auth|sig/i.test(name) || secretName.test(name))
  return [colon < 0 ? user : user.slice(colon + 1), ...secret.map(([, value = '']) => value)].flatMap(
    (part) => [part, decoded(part)],
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
