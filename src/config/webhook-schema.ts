import { z } from 'zod'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { flag, longestMs, text, toolNameError, toolNamePattern, wholeNumber } from './schema-parts.ts'
import { schemaInput } from './schema-input.ts'
import { lazily } from './validation.ts'

const inputSchema = lazily(() => {
  const error = 'expected the JSON Schema of an object, with type: "object"'
  return z.record(z.string(), z.unknown(), error).refine(isObjectSchema, error)
})

const webhookURL = lazily(() =>
  z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .regex(/^[^#]*$/, 'expected an http or https URL without #')
    .refine(
      hasNoCredentials,
      'expected a URL without a user name and a password: the signature authenticates each call',
    ),
)

const webhookTool = lazily(() =>
  z.strictObject(
    {
      name: z.string(toolNameError).regex(toolNamePattern, toolNameError),
      description: text('expected a text that is not empty'),
      inputSchema: inputSchema(),
      url: webhookURL(),
      ask: flag().optional(),
      timeoutMs: wholeNumber('a whole number of milliseconds', 1, longestMs).optional(),
    },
    'expected an object with name, description, inputSchema and url',
  ),
)

/** Tools of an agent that webhooks run. */
export const webhookTools = lazily(() =>
  z
    .array(webhookTool(), 'expected a list of tools')
    .refine(
      (tools) => new Set(tools.map(({ name }) => name)).size === tools.length,
      'expected each name only once',
    ),
)

const isObjectSchema = (schema: unknown): boolean =>
  ignoreErrors(() => schemaInput(schema, 'host tool input')) !== undefined

/** Returns whether a URL has no credentials; the form of a URL is checked before. */
function hasNoCredentials(given: string): boolean {
  const url = URL.canParse(given) ? new URL(given) : undefined
  return url === undefined || (url.username === '' && url.password === '')
}
