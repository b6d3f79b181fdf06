import { posix } from 'node:path'

/**
 * Returns what a percent escape in a name decodes to, the name itself where it holds none, or one that is malformed.
 *
 * @remarks Observed in opencode 1.18.33: every directory is decoded so, once more than the request says: that of a query, of the header
 * `x-opencode-directory` and, on routes of a session, the one that the session was made in.
 */
export function decodedName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** Whether opencode takes the name of a directory for the name of another one. */
export const isDecodable = (name: string): boolean => decodedName(name) !== name

/**
 * Whether the directory that a server answered may be the one that it was sent, as far as that can be told from another
 * machine: the server may have resolved links, `..`, and forms of Unicode, but has kept every percent escape, and added none.
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
