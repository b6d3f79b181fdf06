/**
 * Oldest opencode version that works with this package, found in a survey of turns, tools, requests, errors
 * and server exits. Versions 1.1.53 and older fail in the survey.
 */
export const oldestSupported = '1.1.58'

/**
 * Versions of opencode that the tests ran on, both ends included. Remarks such as "Observed in opencode" in
 * other folders were observed in the last of them.
 */
export const tested = { from: '1.18.33', to: '1.18.33' }

/** Oldest Node version that this package runs on; equal to `engines` in package.json. */
export const oldestNode = '20.19.0'

/**
 * Judgement of an opencode version. `supported`: tested. `untested`: newer or older than the tested versions,
 * or a build without a release number; such a version may work. `unsupported`: too old. `unknown`: no
 * version.
 */
export type VersionJudgement = 'supported' | 'untested' | 'unsupported' | 'unknown'

/**
 * Returns the judgement of a version in the form of `opencode --version` (`1.18.33`; a local build prints
 * `0.0.0-…`).
 */
export function judgeVersion(version: string): VersionJudgement {
  const read = readVersion(version)
  if (read === undefined) return 'unknown'
  if (read.numbers.every((number) => number === 0)) return 'untested'
  if (isOlder(version, oldestSupported)) return 'unsupported'
  if (read.isPrerelease || isOlder(version, tested.from) || isOlder(tested.to, version)) return 'untested'
  return 'supported'
}

/**
 * Returns whether a version comes before another. A pre-release comes before its release. False for text that
 * is no version.
 */
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
