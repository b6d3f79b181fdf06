import { WebhookFault } from './webhook-fault.ts'

/** Answer of a webhook, read to its end. */
export interface WebhookAnswer {
  status: number
  body: Uint8Array
}

const expectedShape = '{ "result": … } or { "error": "…" }'

/**
 * Returns the result in the answer of a webhook.
 *
 * @param mask - hides secrets in a text
 * @throws Error with the webhook's own message, if the answer is an error
 * @throws WebhookFault if the answer has another form, or another status than 2xx
 */
export function resultIn({ status, body }: WebhookAnswer, mask: (text: string) => string): unknown {
  if (status >= 300 && status < 400)
    throw new WebhookFault(`answered with a redirect (${status}), which is not followed`)
  const answer = parsed(body, mask)
  const { error } = fieldsOf(answer)
  if (typeof error === 'string') throw new Error(error === '' ? 'The tool failed' : error)
  if (status < 200 || status >= 300) throw new WebhookFault(`failed with the status ${status}`)
  if (body.length === 0 && status === 204) return undefined
  if (answer === notJson)
    throw new WebhookFault(`answered with a text that is no JSON; expected ${expectedShape}`)
  const isResult = Object.hasOwn(fieldsOf(answer), 'result') && (error === undefined || error === null)
  if (!isResult) throw new WebhookFault(`answered with JSON of another form; expected ${expectedShape}`)
  return fieldsOf(answer)['result']
}

/** Stands for a body that is no JSON. */
const notJson = Symbol('no JSON')

function parsed(body: Uint8Array, mask: (text: string) => string): unknown {
  try {
    return JSON.parse(mask(new TextDecoder('utf-8', { fatal: true }).decode(body)))
  } catch {
    return notJson
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
