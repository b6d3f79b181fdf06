import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { lazily } from './validation.ts'
import type { Logger, PermissionPolicy, QuestionPolicy } from './options.ts'

/** Longest duration, in ms (24.8 days); a longer timer fires immediately. */
export const longestMs = 2 ** 31 - 1
const duration = lazily(() => z.number().int().nonnegative().max(longestMs))
/** Duration greater than 0, in ms. */
export const positiveMs = lazily(() => z.number().int().positive().max(longestMs))
const positive = lazily(() => z.number().int().positive())
const modality = lazily(() => z.enum(['text', 'image', 'audio', 'video', 'pdf']))
const headerSafe = lazily(() =>
  z
    .string()
    .min(1)
    .regex(/^[\x21-\x7e]+$/, 'expected printable characters without spaces'),
)
const username = lazily(() => headerSafe().refine((name) => !name.includes(':'), 'expected no colon'))
const providerId = lazily(() => z.string().regex(/^[\w.-]+$/, 'expected letters, digits, ., _ or -'))
/** Absolute path in valid Unicode; a path with half a surrogate pair names no file. */
export const absolute = lazily(() =>
  z
    .string()
    .refine(
      (path) => isAbsolute(path) && !path.includes('\0') && Buffer.from(path).toString() === path,
      'expected an absolute path',
    ),
)
/** Session id that opencode created. */
export const sessionId = lazily(() => z.string().regex(/^ses/, 'expected a session id (ses…)'))
const functionOr = (values: readonly unknown[]) =>
  z.custom((value) => typeof value === 'function' || values.includes(value), {
    message: `expected ${values.map((value) => `'${String(value)}'`).join(', ')} or a function`,
  })

const model = lazily(() =>
  z.strictObject({
    id: z.string().min(1),
    name: z.string().min(1).optional(),
    input: z.array(modality()).min(1).optional(),
    contextTokens: positive().optional(),
    outputTokens: positive().optional(),
    cost: z
      .strictObject({
        input: z.number().nonnegative(),
        output: z.number().nonnegative(),
        cacheRead: z.number().nonnegative().optional(),
        cacheWrite: z.number().nonnegative().optional(),
      })
      .optional(),
    options: z.record(z.string(), z.unknown()).optional(),
  }),
)

/** Schemas of a turn's limits and policies, shared by the defaults and by each turn. */
export const turnLimits = lazily(() => ({
  maxRetries: z.number().int().nonnegative(),
  onPermission: functionOr(['reject', 'once', 'always']) as z.ZodType<PermissionPolicy>,
  onQuestion: functionOr(['reject']) as z.ZodType<QuestionPolicy>,
}))

const defaults = lazily(() => ({
  maxConcurrentTurns: positive().default(16),
  maxQueuedTurns: z.number().int().nonnegative().default(1000),
  turnDeadlineMs: positiveMs().default(1_800_000),
  turnStallMs: positiveMs().default(300_000),
  maxRetries: turnLimits().maxRetries.default(3),
  requestTimeoutMs: positiveMs().default(300_000),
  maxAttachmentBytes: positive().default(20 * 1024 * 1024),
  maxReplayBytes: positive().default(16 * 1024 * 1024),
  onPermission: turnLimits().onPermission.default('reject'),
  onQuestion: turnLimits().onQuestion.default('reject'),
}))

/** Durations and counts of the lifecycle. */
export const lifecycleSchema = lazily(() =>
  z.object({
    startTimeoutMs: positiveMs().default(60_000),
    probeIntervalMs: positiveMs().default(50),
    probeTimeoutMs: positiveMs().default(2_000),
    healthIntervalMs: positiveMs().default(5_000),
    unhealthyThreshold: positive().default(3),
    busyGraceMs: duration().default(120_000),
    stopGraceMs: duration().default(5_000),
    maxRestarts: z.number().int().nonnegative().default(5),
    restartWindowMs: positiveMs().default(60_000),
    backoffInitialMs: duration().default(250),
    backoffFactor: z.number().min(1).default(2),
    backoffMaxMs: duration().default(30_000),
    idleTimeoutMs: duration().default(0),
    memoryLimitMb: positive().optional(),
    drainMs: duration().optional(),
  }),
)

/** Pattern of host names that only this machine can reach. */
export const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

/** Options of a server. */
export const serverSchema = lazily(() =>
  z
    .strictObject({
      home: absolute(),
      proxy: z
        .strictObject({
          baseURL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
          apiKey: headerSafe(),
          providerId: providerId().optional(),
          providerID: providerId().optional(),
          name: z.string().min(1).default('LiteLLM'),
        })
        .refine(({ providerId: id, providerID: alias = id }) => id === undefined || id === alias, {
          path: ['providerID'],
          error: 'expected no other value than that of providerId, whose deprecated alias it is',
        })
        .transform(({ providerId: id, providerID: alias = 'litellm', ...rest }) => ({
          ...rest,
          providerId: id ?? alias,
        })),
      models: z
        .array(
          z.union(
            [
              z
                .string()
                .min(1)
                .transform((id) => ({ id })),
              model(),
            ],
            'expected a model id or { id, … }',
          ),
        )
        .min(1, 'expected at least one model')
        .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'expected each model once'),
      port: z.number().int().min(1).max(65_535).optional(),
      hostname: z
        .string()
        .regex(/^[^\s/]+$/, 'expected a host name or address')
        .default('127.0.0.1'),
      username: username().default('opencode'),
      password: z.union([headerSafe(), z.literal(false)], 'expected a string or false').optional(),
      binary: z.string().min(1).optional(),
      directory: absolute().optional(),
      env: z.record(z.string().regex(/^[^=\0]+$/), z.string().regex(/^[^\0]*$/)).default({}),
      config: z.record(z.string(), z.unknown()).refine(isJson, 'expected what JSON can say').default({}),
      logger: z.custom<Logger>(isLogger, 'expected an object with debug, info, warn and error').optional(),
      warmUp: z.boolean().default(true),
      trustProjectConfig: z.boolean().default(false),
      ...defaults(),
      ...lifecycleSchema().shape,
    })
    .refine(({ password, hostname }) => password !== false || loopback.test(hostname), {
      path: ['password'],
      error: 'expected a password, because hostname is not loopback',
    }),
)

/**
 * Options of a server that may change while the server lives; their values are validated later, together with
 * all options.
 */
export const patchSchema = lazily(() =>
  z.strictObject({
    proxy: z.record(z.string(), z.unknown(), 'expected an object').optional(),
    models: z.unknown().optional(),
    env: z.unknown().optional(),
    config: z.unknown().optional(),
  }),
)

/** Returns whether a value can be written as JSON. */
function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== ''
  } catch {
    return false
  }
}

function isLogger(value: unknown): boolean {
  const methods = ['debug', 'info', 'warn', 'error'] as const
  if (typeof value !== 'object' || value === null) return false
  return methods.every((name) => typeof (value as Partial<Logger>)[name] === 'function')
}

/** Options of a connection to a server that another program manages. */
export const connectSchema = lazily(() =>
  z.strictObject({
    baseURL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
    password: headerSafe().optional(),
    username: username().default('opencode'),
    modelId: z.string().min(1).optional(),
    providerId: providerId().default('litellm'),
    directory: absolute().optional(),
    ...defaults(),
  }),
)

/** Options of a session. */
export const sessionSchema = lazily(() =>
  z.strictObject({
    sessionId: sessionId().optional(),
    title: z.string().min(1).optional(),
    directory: absolute().optional(),
    agent: z.string().min(1).optional(),
  }),
)

/** Options of a wait for a start. */
export const ensureRunningSchema = lazily(() =>
  z.strictObject({
    deadlineMs: positiveMs().optional(),
    signal: z.instanceof(AbortSignal).optional(),
  }),
)

/** Options of a stop. */
export const stopSchema = lazily(() => z.strictObject({ drainMs: duration().default(0) }))
