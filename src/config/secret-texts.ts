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
const reference = /^\{(env|file):[^}]*\}$/

/**
 * Returns the secret texts in a value, at any depth up to the limit: values of fields, flags (`--token x`,
 * `--token=x`) and query parameters with a secret name, and the credentials before the host of a URL.
 */
export function secretTexts(value: unknown, name = '', depth = 0): string[] {
  if (typeof value === 'string')
    return [...(secretName.test(name) ? itself(value) : []), ...within(value, name)]
  if (typeof value !== 'object' || value === null || depth > deepest) return []
  if (!Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => secretTexts(inner, key, depth + 1))
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
