import { z } from 'zod'
import { atLeast, count, foreignId, headerSafe, providerId, proxyURL, text } from './schema-parts.ts'
import { lazily } from './validation.ts'

const anyObject = 'expected an object'
const anyRecord = lazily(() => z.record(z.string(), z.unknown(), anyObject))
const modality = lazily(() =>
  z.enum(['text', 'image', 'audio', 'video', 'pdf'], "expected 'text', 'image', 'audio', 'video' or 'pdf'"),
)
const modalities = lazily(() => {
  const error = 'expected a list of at least one kind of input'
  return z.array(modality(), error).min(1, error)
})
const price = lazily(() => atLeast(0, 'a price in US dollars per million tokens'))
const tokens = lazily(() => count('tokens', 1))

const model = lazily(() =>
  z.strictObject(
    {
      id: foreignId('expected a model id'),
      name: text().optional(),
      input: modalities().optional(),
      contextTokens: tokens().optional(),
      outputTokens: tokens().optional(),
      cost: z
        .strictObject(
          {
            input: price(),
            output: price(),
            cacheRead: price().optional(),
            cacheWrite: price().optional(),
          },
          anyObject,
        )
        .optional(),
      options: anyRecord().optional(),
    },
    'expected a model id or an object with an id',
  ),
)

const modelOrId = lazily(() => {
  const id = foreignId('expected a model id').transform((id) => ({ id }))
  return z.union([id, model()], 'expected a model id or an object with an id')
})

/** Models of the proxy: ids, or objects with an id. */
export const models = lazily(() => {
  const error = 'expected a list of at least one model'
  return z
    .array(modelOrId(), error)
    .min(1, error)
    .refine((all) => new Set(all.map(idOfModel)).size === all.length, 'expected each model only once')
})

/** Returns the id of a model. The schemas of the gateway keep the check of the list, but convert no id to an object. */
const idOfModel = (model: string | { id: string }): string => (typeof model === 'string' ? model : model.id)

/** Fields of the proxy, without defaults. */
const proxyFields = lazily(() => ({
  baseURL: proxyURL(),
  apiKey: headerSafe(),
  providerId: providerId().optional(),
  providerID: providerId().optional(),
  name: text(),
}))

const sameProvider = {
  path: ['providerID'],
  error: 'expected the same value as providerId, because providerID is its deprecated alias',
}

const isSameProvider = (given: { providerId?: string | undefined; providerID?: string | undefined }) =>
  given.providerID === undefined || given.providerId === undefined || given.providerID === given.providerId

/** Endpoint of the models, with defaults. */
export const proxy = lazily(() =>
  z
    .strictObject(
      { ...proxyFields(), name: proxyFields().name.default('LiteLLM') },
      'expected an object with baseURL and apiKey',
    )
    .refine(isSameProvider, sameProvider)
    .transform(({ providerId: id, providerID: alias = 'litellm', ...rest }) => ({
      ...rest,
      providerId: id ?? alias,
    })),
)

/** Fields of the proxy, of which each may be missing. */
export const partialProxy = lazily(() =>
  z.strictObject(proxyFields(), 'expected an object').partial().refine(isSameProvider, sameProvider),
)
