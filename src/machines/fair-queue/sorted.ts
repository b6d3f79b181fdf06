import imported from 'sorted-btree'

/** Ordered map. Change it by `put` and `drop` only, which return a new version that shares most nodes with the old one. */
export type Sorted<K, V = undefined> = imported.default<K, V>

// The package is CommonJS: its default import is the module in Node and in bundles, and the class in vitest.
const BTree = 'default' in imported ? imported.default : imported

/** Returns an empty ordered map. */
export const sorted = <K, V = undefined>(compare: (a: K, b: K) => number): Sorted<K, V> =>
  new BTree<K, V>(undefined, compare)

// The package's own `with` returns the old version if the key is there already, and `without` checks sizes twice.

export function put<K, V>(map: Sorted<K, V>, key: K, value: V): Sorted<K, V> {
  const next = map.clone()
  next.set(key, value)
  return next
}

/** Adds a key to an ordered set. */
export const putKey = <K>(set: Sorted<K>, key: K): Sorted<K> => put(set, key, undefined)

export function drop<K, V>(map: Sorted<K, V>, key: K): Sorted<K, V> {
  const next = map.clone()
  next.delete(key)
  return next
}

/** Compares two strings by their code units, which is faster than by the rules of a language. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
