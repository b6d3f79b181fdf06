import { z } from 'zod'
import { isUnscoped } from '../access/caller.ts'
import { json } from '../http/answers.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { listOf, usageSchema } from '../schemas/common.ts'
import { named } from '../schemas/named.ts'

/** Keys that usage is summed up by. */
const keys = ['agent', 'tenant', 'day', 'model'] as const

const rowSchema = named('UsageRow', () =>
  z.strictObject({
    key: z.string().describe('Agent, tenant, day (UTC) or model; empty if unknown'),
    turns: z.int().min(0),
    usage: usageSchema(),
  }),
)

const usageListSchema = listOf('UsageList', rowSchema)

/** Route of tokens and cost. */
export const usagePart = (): GatewayPart => ({ routes: [readUsage] })

const readUsage = route({
  id: 'readUsage',
  method: 'get',
  path: '/v1/usage',
  tag: 'Usage',
  summary: 'Sums up tokens and cost of the turns that the store has',
  scopes: ['read'],
  query: {
    by: z.enum(keys, `expected ${keys.join(', ')}`).default('agent'),
    since: z.iso
      .datetime({ offset: true, error: 'expected a time such as 2027-01-31T00:00:00Z' })
      .describe('Time of the oldest turn that counts')
      .optional(),
  },
  answers: { 200: { description: 'A row for each key', schema: usageListSchema } },
  async handle({ context, caller, query: { by, since } }) {
    const rows = await context.log.usage(by, {
      ...(!isUnscoped(caller) && { agents: caller.agents && [...caller.agents], tenant: caller.tenant }),
      ...(since !== undefined && { since: Date.parse(since) }),
    })
    return json(200, { items: rows, next_before: null })
  },
})
