import { failure, ok, skipped, type Finding } from './finding.ts'

const check = 'models'
const suggestions = 3

/** Checks that the wanted models are among the models of a proxy. */
export function checkModels(wanted: readonly string[], ids: readonly string[]): Finding[] {
  if (wanted.length === 0) return [skipped(check, 'give --model')]
  return [...new Set(wanted)].map((model) => {
    const by = ids.includes(model) ? model : ids.find((id) => matches(model, id))
    if (by === model) return ok(check, `the proxy lists ${model}`)
    if (by !== undefined) return ok(check, `the proxy lists ${by}, which covers ${model}`)
    const close = closeTo(model, ids)
    const instead =
      close.length > 0 ? `Did you mean ${close.join(' or ')}? Otherwise, add the model` : 'Add the model'
    return failure(
      check,
      ids.length === 0
        ? `the proxy lists no models, so ${model} is missing`
        : `the proxy does not list ${model}`,
      `${instead} to the proxy, or allow the key to use it.`,
    )
  })
}

/** Returns whether an id covers the model: LiteLLM lists passed-through models as `openai/*`. */
const matches = (model: string, id: string): boolean =>
  id.endsWith('*') && id.length > 1 && model.startsWith(id.slice(0, -1))

/** Returns the ids that resemble a model's id, closest first. */
export function closeTo(model: string, ids: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(model.length * 0.4))
  return [...new Set(ids)]
    .map((id) => ({ id, distance: distanceOf(plain(model), plain(id)) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.id.localeCompare(b.id))
    .slice(0, suggestions)
    .map(({ id }) => id)
}

const plain = (id: string): string => id.toLowerCase()

/**
 * Returns the edits between two ids; 0.5 if they differ only by a provider's prefix or a version's suffix.
 */
function distanceOf(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  const isPart = short.length >= 3 && (long.endsWith(`/${short}`) || long.startsWith(`${short}-`))
  return a !== b && isPart ? 0.5 : edits(a, b)
}

/** Returns the Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
