import { isDecodable } from './directory-name.ts'

/** Route of a session. */
export interface SessionRoute {
  /** Directory that the request names. */
  directory?: string | undefined
  /** Rest of the path, such as `/fork`. */
  route?: string
  /** True if this process manages the server; then no request loads a directory that the request does not name. */
  isOurs: boolean
}

/**
 * Returns the path of a session's route, so that the route runs in the directory that the request names.
 * @remarks Observed in opencode 1.18.33: a route of a session runs in the directory that the session was
 *   made in, decoded once more (`a%2Fb` becomes `a/b`). The server loads that directory with its plugins,
 *   also to answer `GET /session/{id}`. The directory of the request counts only if the text of the path is
 *   no session's id. The route itself decodes the path, so that an id with one escaped character is the
 *   same session.
 */
export function sessionPath(sessionId: string, { directory = '', route = '', isOurs }: SessionRoute): string {
  const id = encodeURIComponent(sessionId)
  const names = directory !== '' && (isOurs || isDecodable(directory))
  return `/session/${names ? withEscape(id) : id}${route}`
}

/**
 * Returns a session's id with its fourth character escaped; opencode rejects an id that does not begin with
 * `ses`.
 */
const withEscape = (id: string): string =>
  id.replace(/^ses([^%])/, (_, character: string) => `ses%${character.charCodeAt(0).toString(16)}`)
