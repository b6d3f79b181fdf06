import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { Logger, PermissionPolicy, QuestionPolicy } from './options.ts'

const duration = z.number().int().nonnegative()
const positive = z.number().int().positive()
const modality = z.enum(['text', 'image', 'audio', 'video', 'pdf'])
const headerSafe = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]+$/, 'expected printable characters without spaces')
const username = headerSafe.refine((name) => !name.includes(':'), 'expected no colon')
const providerId = z.string().regex(/^[\w.-]+$/, 'expected letters, digits, ., _ or -')
const absolute = z.string().refine(isAbsolute, 'expected an absolute path')
const functionOr = (values: readonly unknown[]) =>
  z.custom((value) => typeof value === 'function' || values.includes(value), {
    message: `expected ${values.map((value) => `'${String(value)}'`).join(', ')} or a function`,
  })

const model = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1).optional(),
  input: z.array(modality).min(1).optional(),
  contextTokens: positive.optional(),
  outputTokens: positive.optional(),
  cost: z
    .strictObject({
      input: z.number().nonnegative(),
      output: z.number().nonnegative(),
      cacheRead: z.number().nonnegative().optional(),
      cacheWrite: z.number().nonnegative().optional(),
    })
    .optional(),
  options: z.record(z.string(), z.unknown()).optional(),
})

/** A model, as an object. */
export type Model = z.output<typeof model>

/** The shapes of what a turn may be given, shared by the defaults and by each turn. */
export const turnLimits = {
  maxRetries: z.number().int().nonnegative(),
  onPermission: functionOr(['reject', 'once', 'always']) as z.ZodType<PermissionPolicy>,
  onQuestion: functionOr(['reject']) as z.ZodType<QuestionPolicy>,
}

const defaults = {
  maxConcurrentTurns: positive.default(16),
  maxQueuedTurns: z.number().int().nonnegative().default(1000),
  turnDeadlineMs: positive.default(1_800_000),
  turnStallMs: positive.default(300_000),
  maxRetries: turnLimits.maxRetries.default(3),
  requestTimeoutMs: positive.default(300_000),
  maxAttachmentBytes: positive.default(20 * 1024 * 1024),
  maxReplayBytes: positive.default(16 * 1024 * 1024),
  onPermission: turnLimits.onPermission.default('reject'),
  onQuestion: turnLimits.onQuestion.default('reject'),
}

/** Durations and counts of the lifecycle. */
export const lifecycleSchema = z.object({
  startTimeoutMs: positive.default(60_000),
  probeIntervalMs: positive.default(50),
  probeTimeoutMs: positive.default(2_000),
  healthIntervalMs: positive.default(5_000),
  unhealthyThreshold: positive.default(3),
  busyGraceMs: duration.default(120_000),
  stopGraceMs: duration.default(5_000),
  maxRestarts: z.number().int().nonnegative().default(5),
  restartWindowMs: positive.default(60_000),
  backoffInitialMs: duration.default(250),
  backoffFactor: z.number().min(1).default(2),
  backoffMaxMs: duration.default(30_000),
})

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

/** The options of a server. */
export const serverSchema = z
  .strictObject({
    home: absolute,
    proxy: z.strictObject({
      baseURL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
      apiKey: headerSafe,
      providerID: providerId.default('litellm'),
      name: z.string().min(1).default('LiteLLM'),
    }),
    models: z
      .array(
        z.union(
          [
            z
              .string()
              .min(1)
              .transform((id) => ({ id })),
            model,
          ],
          'expected a model id or { id, … }',
        ),
      )
      .min(1, 'expected at least one model'),
    port: z.number().int().min(1).max(65_535).optional(),
    hostname: z.string().min(1).default('127.0.0.1'),
    username: username.default('opencode'),
    password: z.union([headerSafe, z.literal(false)], 'expected a string or false').optional(),
    binary: z.string().min(1).optional(),
    directory: absolute.optional(),
    env: z.record(z.string().regex(/^[^=\0]+$/), z.string()).default({}),
    config: z.record(z.string(), z.unknown()).default({}),
    logger: z.custom<Logger>(isLogger, 'expected an object with debug, info, warn and error').optional(),
    ...defaults,
    ...lifecycleSchema.shape,
  })
  .refine(({ password, hostname }) => password !== false || loopback.test(hostname), {
    path: ['password'],
    error: 'expected a password, because hostname is not loopback',
  })

function isLogger(value: unknown): boolean {
  const methods = ['debug', 'info', 'warn', 'error'] as const
  if (typeof value !== 'object' || value === null) return false
  return methods.every((name) => typeof (value as Partial<Logger>)[name] === 'function')
}

/** The options of a connection to a server that somebody else manages. */
export const connectSchema = z.strictObject({
  baseURL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  password: headerSafe.optional(),
  username: username.default('opencode'),
  modelId: z.string().min(1).optional(),
  providerId: providerId.default('litellm'),
  directory: absolute.optional(),
  ...defaults,
})
