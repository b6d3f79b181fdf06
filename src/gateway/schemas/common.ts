import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { agentIdPattern } from '../../config/fleet-schema.ts'
import { text, wholeNumber } from '../../config/schema-parts.ts'
import { named } from './named.ts'

/** Answer that tells a failure (RFC 9457). */
export const problemSchema = named('Problem', () =>
  z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.string().describe('ERR_OPENCODE_… or the code of the error of a turn'),
    detail: z.string().describe('What happened, and what to do'),
    field: z.string().describe('Field of the request that is wrong').optional(),
    retry_after_ms: z.number().min(0).describe('Time after which the request may succeed').optional(),
  }),
)

/** Declares the schema of a list of items under a name. */
export const listOf = (name: string, item: () => z.ZodType) =>
  named(name, () =>
    z.strictObject({
      items: z.array(item()),
      next_before: z
        .string()
        .nullable()
        .describe('Value of `before` for the next page; null on the last page'),
    }),
  )

/** Tokens and cost. */
export const usageSchema = named('Usage', () => {
  const tokens = z.number().min(0)
  return z.strictObject({
    input_tokens: tokens,
    output_tokens: tokens,
    reasoning_tokens: tokens,
    cache_read_tokens: tokens,
    cache_write_tokens: tokens,
    cost_usd: z.number(),
  })
})

/** Id of an agent in a path or query. Any text is taken, because an unknown agent is 404. */
export const agentIdParameter = lazily(() => text('expected the id of an agent').describe('Id of an agent'))

/** Id of an agent or name of a tenant by which a list is filtered. A name that none has gives an empty list. */
export function nameFilter(what: 'the id of an agent' | 'the name of a tenant') {
  const error = `expected ${what}`
  return z.string(error).regex(agentIdPattern, error).describe(`Filter: ${what}`).optional()
}

/** Value of `next_before` of an earlier page, which has a form of its own in each list. */
export function pageCursor(form: RegExp) {
  const error = 'expected next_before of an earlier page'
  return z.string(error).regex(form, error).describe('`next_before` of an earlier page').optional()
}

/** Maximum number of items in a page of a list. */
export const pageLimit = (most: number, usual: number) =>
  wholeNumber('a whole number of items', 1, most).default(usual)

/** Time in ms that running turns have to end. */
export const drainMsParameter = lazily(() =>
  wholeNumber('a whole number of milliseconds', 0, 2 ** 31 - 1).default(0),
)

/** Text that stands for true or false. */
export const flagParameter = lazily(() => z.boolean('expected true or false').default(false))
