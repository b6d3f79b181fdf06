import { InvalidOptionsError } from '../../errors.ts'
import type { ModelRef } from '../../io/opencode/client.ts'
import type { ResolvedOptions } from '../../config/options.ts'

/** Model as a turn names it: the id of a proxy's model, a model of another provider, or none. */
export type NamedModel = string | ModelRef | undefined

/**
 * Returns the model of a turn by the server's present options, which may have changed since the turn was
 * requested.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if neither the turn nor the options name a
 * model
 */
export function modelOf(model: NamedModel, { proxy, models }: ResolvedOptions): ModelRef {
  if (typeof model === 'object') return model
  const modelId = model ?? models[0]?.id
  if (modelId === undefined)
    throw new InvalidOptionsError(
      'Missing turn input model: neither the turn nor the connection names a model',
    )
  return { providerId: proxy.providerId, modelId }
}
