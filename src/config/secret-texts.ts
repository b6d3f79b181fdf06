/** Names of what is secret: of variables, of fields, of flags and of parts of a query. */
const secretName = /key|token(?!iz)|secret|passw|credential|authorization|cookie|^-*auth$/i

/** What is nested more deeply has no end. */
const deepest = 64

/** Opencode puts something else in its place, wherever its config has it (1.18.33). */
const reference = /^\{(env|file):[^}]*\}$/

/**
 * The texts in a value that are secret, however deep: what a field, a flag (`--token x`, `--token=x`) or a part of a URL's
 * query holds whose name says so, and what a URL has before its host.
 */
export function secretTexts(value: unknown, name = '', depth = 0): string[] {
  if (typeof value === 'string')
    return [...(secretName.test(name) ? itself(value) : []), ...within(value, name)]
  if (typeof value !== 'object' || value === null || depth > deepest) return []
  if (!Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => secretTexts(inner, key, depth + 1))
  return value.flatMap((item, i) => secretTexts(item, flagBefore(value[i - 1]) ?? name, depth + 1))
}

/** As it is, and without its scheme (`Bearer …`); of a Basic one what it stands for as well. */
function itself(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^([A-Za-z]+) +(\S+)$/.exec(value) ?? []
  const basic = /^basic$/i.test(scheme) ? Buffer.from(credentials, 'base64').toString() : ''
  return [value, credentials, basic, basic.slice(basic.indexOf(':') + 1)].filter(
    (text) => text !== '' && !reference.test(text),
  )
}

/** What is secret in a text of any name. */
function within(value: string, name: string): string[] {
  if (/\s/.test(value)) return []
  const [, flag = '', given = ''] = /^(--?[\w-]+)=(.+)$/.exec(value) ?? []
  const ofFlag = secretName.test(flag) ? itself(given) : []
  return value.includes('://') || /proxy/i.test(name) ? [...ofFlag, ...secretsInURL(value)] : ofFlag
}

const flagBefore = (item: unknown): string | undefined =>
  typeof item === 'string' && /^--?[\w-]+$/.test(item) ? item : undefined

/**
 * What is secret in a URL, as written and decoded: the password, or the user name where that is all there is, and what its
 * query calls a secret. The scheme may be missing, as in `http_proxy`.
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
