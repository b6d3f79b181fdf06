import leven from 'leven'

const most = 3

/** Returns the names that resemble a word, closest first, three at most. */
export function similarTo(word: string, names: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(word.length * 0.4))
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceOf(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, most)
    .map(({ name }) => name)
}

/**
 * Returns the edits between two names; 0.5 if they differ only by a prefix that ends with `/`, such as a
 * provider's, or by a suffix that begins with `-`, such as a version's.
 */
function distanceOf(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  const isPart = short.length >= 3 && (long.endsWith(`/${short}`) || long.startsWith(`${short}-`))
  return a !== b && isPart ? 0.5 : leven(a, b)
}
