import { similarTo } from '../../util/similar.ts'
import { failure, ok, skipped, type Finding } from './finding.ts'

const check = 'models'
/** Number of ids in an advice; a proxy may list hundreds. */
const shownIds = 10

/** Checks that the wanted models are among the models of a proxy. */
export function checkModels(wanted: readonly string[], ids: readonly string[]): Finding[] {
  if (wanted.length === 0) return [skipped(check, 'give --model')]
  return [...new Set(wanted)].map((model) => {
    const by = ids.includes(model) ? model : ids.find((id) => matches(model, id))
    if (by === model) return ok(check, `the proxy lists ${model}`)
    if (by !== undefined) return ok(check, `the proxy lists ${by}, which covers ${model}`)
    return failure(
      check,
      ids.length === 0
        ? `the proxy lists no models, so ${model} is missing`
        : `the proxy does not list ${model}`,
      `${insteadOf(model, ids)} to the proxy, or allow the key to use it.`,
    )
  })
}

/** Returns the beginning of the advice for a missing model: the ids that resemble it, else what is listed. */
function insteadOf(model: string, ids: readonly string[]): string {
  const similar = similarTo(model, ids)
  if (similar.length > 0) return `Did you mean ${similar.join(' or ')}? Otherwise, add the model`
  if (ids.length === 0) return 'Add the model'
  const more = ids.length > shownIds ? ` and ${ids.length - shownIds} more` : ''
  return `Use a model that the proxy lists (${ids.slice(0, shownIds).join(', ')}${more}), add ${model}`
}

/** Returns whether an id covers the model: LiteLLM lists passed-through models as `openai/*`. */
const matches = (model: string, id: string): boolean =>
  id.endsWith('*') && id.length > 1 && model.startsWith(id.slice(0, -1))
