import { InvalidOptionsError } from '../../errors.ts'
import type { ResolvedOptions } from '../../config/options.ts'

/** Model as a turn names it: the id of a proxy's model, a model of another provider, or none. */
export type NamedModel = string | { providerId: string; modelId: string } | undefined

/**
 * Returns the model of a turn by the server's present options, which may have changed since the turn was
 * requested.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if neither the turn nor the options name a
 * model
 */
export function modelOf(
  model: NamedModel,
  { proxy, models }: ResolvedOptions,
): { providerID: string; modelID: string } {
  if (typeof model === 'object') return { providerID: model.providerId, modelID: model.modelId }
  const modelID = model ?? models[0]?.id
  if (modelID === undefined)
    throw new InvalidOptionsError('Missing turn input model: no model is named, here or by the connection')
  return { providerID: proxy.providerId, modelID }
}
