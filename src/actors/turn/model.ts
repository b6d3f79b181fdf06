import { InvalidOptionsError } from '../../errors.ts'
import type { ResolvedOptions } from '../../config/options.ts'

/** A model as a turn names it: an id of the proxy's, one of another provider's, or none. */
export type NamedModel = string | { providerId: string; modelId: string } | undefined

/**
 * The model that a turn is to use, as the server's options say now: they may have changed since the turn was asked for.
 * @throws InvalidOptionsError where nobody names one.
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
