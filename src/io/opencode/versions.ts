/**
 * The oldest opencode that was seen to answer as this package needs it, in a survey of turns, tools, requests, errors and
 * the end of a server; 1.1.53 and older fail in it.
 */
export const oldestSupported = '1.1.58'

/** The versions of opencode that the tests ran on, both ends included. */
export const tested = { from: '1.18.33', to: '1.18.33' }

/** The oldest Node that this package runs on; `engines` in package.json says the same. */
export const oldestNode = '20.19.0'

/**
 * What is known of a version of opencode. `supported`: tested. `untested`: newer or older than what was tested, or a
 * build that has no release number; it may well work. `unsupported`: too old. `unknown`: no version at all.
 */
export type VersionJudgement = 'supported' | 'untested' | 'unsupported' | 'unknown'

/** Judges a version as `opencode --version` prints it (`1.18.33`; a build of one's own says `0.0.0-…`). */
export function judgeVersion(version: string): VersionJudgement {
  const read = readVersion(version)
  if (read === undefined) return 'unknown'
  if (read.numbers.every((number) => number === 0)) return 'untested'
  if (isOlder(version, oldestSupported)) return 'unsupported'
  if (read.isPrerelease || isOlder(version, tested.from) || isOlder(tested.to, version)) return 'untested'
  return 'supported'
}

/** Whether a version comes before another; a pre-release comes before its release. What is no version never does. */
export function isOlder(version: string, other: string): boolean {
  const [a, b] = [readVersion(version), readVersion(other)]
  if (a === undefined || b === undefined) return false
  const at = a.numbers.findIndex((number, i) => number !== b.numbers[i])
  if (at < 0) return a.isPrerelease && !b.isPrerelease
  return (a.numbers[at] ?? 0) < (b.numbers[at] ?? 0)
}

function readVersion(text: string): { numbers: number[]; isPrerelease: boolean } | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(-[\w.-]+)?(\+[\w.-]+)?$/.exec(text.trim())
  if (match === null) return undefined
  return { numbers: match.slice(1, 4).map(Number), isPrerelease: match[4] !== undefined }
}
