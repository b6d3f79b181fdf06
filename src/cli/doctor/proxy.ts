import { askModels, type ModelListAnswer } from '../../io/opencode/model-list.ts'
import type { Check, DoctorContext } from './context.ts'
import { endpointOf, shown, withoutCall, withVersion, type Endpoint } from '../../io/opencode/endpoint.ts'
import { failure, ok, quote, skipped, warning, type Finding } from './finding.ts'
import { viaOf } from './http-proxy.ts'
import { isSendable } from './key.ts'
import { checkModels } from './models.ts'
import { explain } from './proxy-answer.ts'

/** Checks that the proxy answers, accepts the key, speaks the OpenAI protocol, and has the models. */
export const checkProxy: Check = async (context) => {
  const { proxy } = context
  if (proxy === undefined)
    return [skipped('proxy', 'give --proxy'), skipped('models', 'give --proxy and --model')]
  const endpoint = endpointOf(proxy)
  if (endpoint === undefined)
    return [
      failure(
        'proxy',
        '--proxy is not an http or https URL',
        'Give a full URL, such as http://127.0.0.1:4000/v1.',
      ),
      noModels,
    ]
  return [...leftOut(endpoint), ...(await requestModels(endpoint.url, context))]
}

const noModels = skipped('models', 'fix the proxy first')

function leftOut({ url, leftOut: parts }: Endpoint): Finding[] {
  return parts.map((part) =>
    part === 'query'
      ? failure(
          'proxy',
          'the URL has a query or a fragment',
          `Paths are appended to the URL, so give only ${shown(url)}.`,
        )
      : warning(
          'proxy',
          'the URL contains a user name or a password',
          'They are not sent, because requests carry the key instead: remove them from the URL.',
        ),
  )
}

async function requestModels(url: URL, context: DoctorContext): Promise<Finding[]> {
  const answer = await modelsAt(url, context)
  if (answer.kind === 'models') {
    const count = `${answer.ids.length} model${answer.ids.length === 1 ? '' : 's'}`
    return [
      ok('proxy', `${shown(url)} answers and lists ${count}`),
      ...checkModels(context.models, answer.ids),
    ]
  }
  const better = await betterURL(url, answer, context)
  const { finding, advice } = explain(answer, url, {
    hasKey: context.apiKey !== undefined,
    timeLimitMs: context.timeLimitMs,
    via: viaOf(url, context.serverEnv),
    quote: (text) => quote(text, context.secrets),
  })
  const instead = better === undefined ? advice : `Give --proxy ${shown(better)}, which lists models.`
  return [failure('proxy', finding, instead), noModels]
}

/** Returns the URL on the same host that does list models, if the path is wrong; otherwise `undefined`. */
async function betterURL(
  url: URL,
  answer: ModelListAnswer,
  context: DoctorContext,
): Promise<URL | undefined> {
  const isElsewhere =
    ['html', 'other', 'redirect'].includes(answer.kind) ||
    ('status' in answer && [404, 405].includes(answer.status))
  const base = withoutCall(url)
  const candidates = [base, withVersion(base ?? url)].filter((candidate) => candidate !== undefined)
  if (!isElsewhere) return undefined
  for (const candidate of candidates)
    if ((await modelsAt(candidate, context)).kind === 'models') return candidate
  return undefined
}

function modelsAt(baseURL: URL, context: DoctorContext): Promise<ModelListAnswer> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(context.timeLimitMs)])
  // A key that no header can carry has its own finding.
  const apiKey = context.apiKey !== undefined && isSendable(context.apiKey) ? context.apiKey : undefined
  return askModels({ baseURL, apiKey, env: context.serverEnv, signal })
}
