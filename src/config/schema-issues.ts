/** Result of a validation: the value that the schema returns, or the reasons in one text for the model. */
export type Checked = { value: unknown } | { issues: string }

/** Reason why a value does not fit, and the place in the value. */
export interface Issue {
  message: string
  path: readonly PropertyKey[]
}

/** Maximum length of a list of issues, in characters. */
const longestList = 2000

/** Returns issues in one text with bounded length: `items[0].price: expected number; …`. */
export function listIssues(issues: readonly Issue[]): string {
  const lines = issues.map(({ message, path }) =>
    path.length > 0 ? `${placeOf(path)}: ${message}` : message,
  )
  const list = [...new Set(lines)].join('; ') || 'the value does not fit the schema'
  return list.length > longestList ? `${list.slice(0, longestList - 1)}…` : list
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) => (/^\d+$/.test(String(key)) ? `[${String(key)}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('')
