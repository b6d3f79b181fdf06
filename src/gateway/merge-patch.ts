import { isDeepStrictEqual } from 'node:util'
import { isPlain } from '../config/frozen-copy.ts'

/** Returns a value changed by a JSON merge patch (RFC 7396): `null` removes a field. */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isPlain(patch)) return patch
  const fields = new Map(isPlain(value) ? Object.entries(value) : [])
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) fields.delete(name)
    else fields.set(name, mergePatch(fields.get(name), change))
  }
  return Object.fromEntries(fields)
}

/**
 * Returns the part of a patch that differs from what the caller was shown. What was shown is masked, so that a patch
 * with the same value must not replace the value behind the mask.
 */
export function patchBeyond(
  shown: unknown,
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const known = isPlain(shown) ? shown : {}
  const changed = Object.entries(patch).filter(([name, change]) => !isDeepStrictEqual(change, known[name]))
  return Object.fromEntries(
    changed.map(([name, change]) => [name, isPlain(change) ? patchBeyond(known[name], change) : change]),
  )
}
