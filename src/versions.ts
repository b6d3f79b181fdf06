/** The versions of opencode that this package knows: it is older than the first, or newer than the last, at one's own risk. */
export const versions = { oldestSupported: '1.18.0', newestTested: '1.18.33' } as const

/** What is to be expected of a version: it was tested, it was not, or it is known not to work. */
export type VersionVerdict = 'tested' | 'untested' | 'unsupported'

/** Judges a version as opencode tells it. What is no release (`0.0.0-…`, `local`) was not tested. */
export function judgeVersion(version: string | undefined): VersionVerdict {
  const number = numberOf(version)
  if (number === undefined || number.every((part) => part === 0)) return 'untested'
  if (compare(number, versions.oldestSupported) < 0) return 'unsupported'
  return compare(number, versions.newestTested) > 0 ? 'untested' : 'tested'
}

function numberOf(version: string | undefined): number[] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version ?? '')
  return match?.slice(1).map(Number)
}

/** Negative where the first is older. */
function compare(number: readonly number[], other: string): number {
  const differences = (numberOf(other) ?? []).map((part, i) => (number[i] ?? 0) - part)
  return differences.find((difference) => difference !== 0) ?? 0
}
