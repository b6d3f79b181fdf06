import { z } from 'zod'
import { ownOptions } from './refused-options.ts'
import { loggerSchema, serverSchema } from './option-schema.ts'
import { partialProxy } from './provider-schema.ts'
import { absolute, count, duration, flag } from './schema-parts.ts'
import { lazily } from './validation.ts'
import { webhookTools } from './webhook-schema.ts'
import type { FleetOptions } from './fleet-options.ts'

const anyObject = 'expected an object'

/** Minimum length of a secret that signs webhooks, in characters. */
const shortestWebhookSecret = 24

/** Pattern of the ids of agents and of the names of tenants; `.fleet` cannot match. */
export const agentIdPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/

const nameError = 'expected 1 to 63 characters a-z, 0-9, _ and -, of which the first is a letter or a digit'
const agentName = lazily(() => z.string(nameError).regex(agentIdPattern, nameError))

const agentLimits = lazily(() => ({
  maxRunningTurns: count('turns', 1).optional(),
  maxQueuedTurns: count('turns', 0).optional(),
  memoryMb: count('MiB', 1).optional(),
}))

/** Options of a server, each optional and without its default, except the options that the fleet sets. */
const serverOptions = lazily(() => {
  const fields: Record<string, z.ZodType> = serverSchema().shape
  const given = Object.entries(fields).filter(([name]) => !Object.hasOwn(ownOptions, name))
  return {
    ...Object.fromEntries(given.map(([name, schema]) => [name, schema.optional()])),
    proxy: partialProxy().optional(),
    ...agentLimits(),
  }
})

/** Options of every agent's server. */
const defaultOptions = lazily(() => {
  const { hostTools } = serverSchema().shape
  const error = 'expected a list of webhooks, or an object of what hostTool() returns'
  return { ...serverOptions(), hostTools: z.union([webhookTools(), hostTools], error).optional() }
})

/** Spec of an agent. Functions in it are refused before. */
export const agentSchema = lazily(() => {
  const { spawn: _spawn, ...options } = serverOptions() as Record<string, z.ZodType>
  return z.strictObject(
    {
      id: agentName(),
      tenant: agentName().optional(),
      labels: z.record(z.string(), z.string('expected a string'), 'expected an object of strings').optional(),
      ...options,
      hostTools: webhookTools().optional(),
      onPermission: oneOf(['reject', 'once', 'always', 'ask']).optional(),
      onQuestion: oneOf(['reject', 'ask']).optional(),
    },
    anyObject,
  )
})

function oneOf<const Value extends string>(values: readonly Value[]) {
  return z.enum(values, `expected ${values.map((value) => `'${value}'`).join(' or ')}`)
}

/** Options of an agent that `resolve` may return. */
export const resolvedSchema = lazily(() => {
  const { models, env, config, hostTools, onPermission, onQuestion, spawn } = serverSchema().shape
  return z.strictObject(
    {
      proxy: partialProxy().optional(),
      models: models.optional(),
      env: env.optional(),
      config: config.optional(),
      hostTools: hostTools.optional(),
      onPermission: onPermission.optional(),
      onQuestion: onQuestion.optional(),
      spawn: spawn.optional(),
    },
    anyObject,
  )
})

/** Options of `apply`. */
export const applySchema = lazily(() => z.strictObject({ prune: flag().default(false) }, anyObject))

/** Options of `remove`. */
export const removeSchema = lazily(() =>
  z.strictObject({ drainMs: duration().default(0), deleteHome: flag().default(false) }, anyObject),
)

const limits = lazily(() =>
  z.strictObject(
    {
      maxServers: count('servers', 1).default(16),
      maxStarting: count('servers', 1).default(2),
      maxRunningTurns: count('turns', 1).default(64),
      maxQueuedTurns: count('turns', 0).default(10_000),
      memoryMb: count('MiB', 1).optional(),
    },
    anyObject,
  ),
)

const tenant = lazily(() => {
  const weight = 'expected a number, 0.001 to 1000'
  return z.strictObject(
    {
      weight: z.number(weight).min(0.001, weight).max(1000, weight).optional(),
      maxRunningTurns: count('turns', 1).optional(),
      maxQueuedTurns: count('turns', 0).optional(),
    },
    anyObject,
  )
})

const tenants = lazily(() =>
  z.record(z.string().regex(agentIdPattern), tenant(), {
    error: ({ code }) => (code === 'invalid_key' ? `${nameError}, as the name of a tenant` : anyObject),
  }),
)

const resolver = lazily(() =>
  z.custom<NonNullable<FleetOptions['resolve']>>(
    (value) => typeof value === 'function',
    'expected a function',
  ),
)

const telemetry = lazily(() => {
  const names = z.array(oneOf(['agent', 'tenant']), "expected a list of 'agent' and 'tenant'")
  return z.strictObject({ metricAttributes: names.readonly().default([]) }, anyObject)
})

const webhookSecret = lazily(() => {
  const error = `expected a text of at least ${shortestWebhookSecret} characters`
  return z.string(error).min(shortestWebhookSecret, error)
})

/** Options of a fleet. */
export const fleetSchema = lazily(() =>
  z.strictObject(
    {
      dataDir: absolute(),
      defaults: z.strictObject(defaultOptions(), anyObject).optional(),
      limits: limits().prefault({}),
      tenants: tenants().default({}),
      resolve: resolver().optional(),
      webhookSecret: webhookSecret().optional(),
      logger: loggerSchema().optional(),
      telemetry: telemetry().prefault({}),
    },
    anyObject,
  ),
)
