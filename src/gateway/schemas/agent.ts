import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { lifecycleTransitions, type LifecycleState } from '../../machines/lifecycle.ts'
import { listOf } from './common.ts'
import { named } from './named.ts'
import { specFields } from './spec.ts'

/** States of a lifecycle. */
export const lifecycleStates = Object.keys(lifecycleTransitions) as LifecycleState[]

const count = lazily(() => z.int().min(0))

/** Number of turns. */
export const loadSchema = named('Load', () =>
  z.strictObject({ running: count(), queued: count(), max: count() }),
)

/** Status of an agent, as `AgentStatus` of the library. */
export const statusSchema = named('AgentStatus', () =>
  z.strictObject({
    id: z.string(),
    tenant: z.string(),
    state: z.enum(lifecycleStates),
    reason: z.string().optional(),
    restarts: count(),
    turns: loadSchema(),
    memory_mb: z.number().min(0).optional(),
    open_requests: count(),
    last_used_at: z.number().describe('Epoch ms').optional(),
    error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    host_id: z
      .string()
      .describe('Other host of the cluster, which has reported the status; absent for the own fleet')
      .optional(),
  }),
)

/** Fields that are never shown. */
const writeOnly = ['env', 'config']

/** Tool of a webhook in an answer. */
const shownTool = named('HostTool', () =>
  z.strictObject({
    name: z.string(),
    description: z.string(),
    input_schema: z.record(z.string(), z.unknown()),
    url: z.string().describe('URL that gets the calls; secrets in its query are masked'),
    ask: z.boolean().optional(),
    timeout_ms: z.int().min(1).optional(),
  }),
)

/** Agent in an answer: its spec without secrets, and its status. */
export const agentSchema = named('Agent', () => {
  const { id: _id, proxy: _proxy, models: _models, host_tools: _tools, ...fields } = specFields()
  const shown = Object.entries(fields).filter(([name]) => !writeOnly.includes(name))
  // Shown values may be masked, so that it fits the kinds of the fields only.
  return z.strictObject({
    id: z.string(),
    ...Object.fromEntries(shown),
    proxy: z
      .strictObject({ base_url: z.string(), provider_id: z.string(), name: z.string() })
      .partial()
      .optional(),
    models: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])).optional(),
    host_tools: z.array(shownTool()).optional(),
    status: statusSchema(),
  })
})

/** Page of agents. */
export const agentListSchema = listOf('AgentList', agentSchema)

/** Result of a declaration of agents: their ids, by what was done. */
export const applyResultSchema = named('ApplyResult', () => {
  const ids = z.array(z.string())
  return z.strictObject({ added: ids, changed: ids, unchanged: ids, removed: ids })
})
