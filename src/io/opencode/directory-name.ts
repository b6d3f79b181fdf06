import { posix, sep } from 'node:path'

/**
 * Returns a name with its percent escapes decoded; the name itself if it holds no escape, or a malformed
 * escape.
 * @remarks Observed in opencode 1.18.33: the server decodes every directory in this way, once more than HTTP
 *   does: the directory of a query, of the header `x-opencode-directory` and, on routes of a session, the
 *   directory that the session was made in.
 */
export function decodedName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** Returns whether opencode takes a directory's name for the name of another directory. */
export const isDecodable = (name: string): boolean => decodedName(name) !== name

/**
 * Returns whether a path of this host holds a backslash inside a name, so that opencode takes the path for
 * another path.
 * @remarks Observed in opencode 1.18.33: the server reads a backslash as a slash, also inside a name.
 */
export const hasMisreadBackslash = (path: string): boolean => sep === '/' && path.includes('\\')

/**
 * Returns whether the directory in a server's answer may be the directory that was sent, without access to
 * the server's file system. The server may have resolved links, `..` and forms of Unicode, but must have kept
 * every percent escape and added none.
 */
export function mayBeSame(sent: string, answered: string): boolean {
  const [wanted, got] = [tidy(sent), tidy(answered)]
  if (wanted === got) return true
  const plain = decodedName(got)
  if (plain !== got && plain.endsWith(wanted)) return false
  const kept = segmentsOf(got)
  return segmentsOf(wanted)
    .filter(isDecodable)
    .every((segment) => kept.includes(segment))
}

const tidy = (path: string): string =>
  posix
    .normalize(path)
    .replace(/(?<=.)\/+$/, '')
    .normalize('NFC')

const segmentsOf = (path: string): string[] => path.split(/[\\/]/)
