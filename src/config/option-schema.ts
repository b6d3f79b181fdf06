import { z } from 'zod'
import {
  abortSignal,
  absolute,
  atLeast,
  count,
  duration,
  flag,
  functionOr,
  headerSafe,
  httpURL,
  loopback,
  messageId,
  positiveMs,
  providerId,
  sessionId,
  text,
  toolNameError,
  toolNamePattern,
  username,
  wholeNumber,
} from './schema-parts.ts'
import { userProblem } from './agent-user.ts'
import { isHostTool, type HostTool } from './host-tool.ts'
import { models, proxy } from './provider-schema.ts'
import type { Logger, SpawnWrapper } from './server-options.ts'
import type { PermissionPolicy, QuestionPolicy } from './turn-options.ts'
import { lazily } from './validation.ts'

export { longestMs, loopback } from './schema-parts.ts'

const anyObject = 'expected an object'
const hostname = lazily(() => {
  const error = 'expected a host name or address'
  return z.string(error).regex(/^[^\s/]+$/, error)
})
const anyRecord = lazily(() => z.record(z.string(), z.unknown(), anyObject))
const environment = lazily(() =>
  z.record(
    z.string().regex(/^[^=\0]+$/),
    z.string('expected a string').regex(/^[^\0]*$/, 'expected a string without null characters'),
    {
      error: ({ code }) =>
        code === 'invalid_key' ? 'expected a name without = and without null characters' : anyObject,
    },
  ),
)

const hostTools = lazily(() =>
  z.record(
    z.string().regex(toolNamePattern),
    z.custom<HostTool>(isHostTool, 'expected what hostTool() returns'),
    {
      error: ({ code }) => (code === 'invalid_key' ? toolNameError : anyObject),
    },
  ),
)

/** Schemas of a turn's limits and policies, shared by the defaults and by each turn. */
export const turnLimits = lazily(() => ({
  maxRetries: count('retries', 0),
  onPermission: functionOr(['reject', 'once', 'always', 'ask']) as z.ZodType<PermissionPolicy>,
  onQuestion: functionOr(['reject', 'ask']) as z.ZodType<QuestionPolicy>,
}))

/** Default of `maxConcurrentTurns`. */
export const defaultConcurrentTurns = 16

const defaults = lazily(() => ({
  maxConcurrentTurns: count('turns', 1).default(defaultConcurrentTurns),
  maxQueuedTurns: count('turns', 0).default(1000),
  turnDeadlineMs: positiveMs().default(1_800_000),
  turnStallMs: positiveMs().default(300_000),
  maxRetries: turnLimits().maxRetries.default(3),
  requestTimeoutMs: positiveMs().default(300_000),
  maxAttachmentBytes: count('bytes', 1).default(20 * 1024 * 1024),
  maxReplayBytes: count('bytes', 1).default(16 * 1024 * 1024),
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
    unhealthyThreshold: count('failed probes', 1).default(3),
    busyGraceMs: duration().default(120_000),
    stopGraceMs: duration().default(5_000),
    maxRestarts: count('restarts', 0).default(5),
    restartWindowMs: positiveMs().default(60_000),
    backoffInitialMs: duration().default(250),
    backoffFactor: atLeast(1, 'a number').default(2),
    backoffMaxMs: duration().default(30_000),
    idleTimeoutMs: duration().default(0),
    memoryLimitMb: count('MiB', 1).optional(),
    drainMs: duration().optional(),
  }),
)

export const loggerSchema = lazily(() =>
  z.custom<Logger>(isLogger, 'expected an object with debug, info, warn and error'),
)

/** Greatest user or group id; the next number means "no id". */
const greatestId = 2 ** 32 - 2

/** Options of a server. */
export const serverSchema = lazily(() =>
  z
    .strictObject(
      {
        home: absolute(),
        proxy: proxy(),
        models: models(),
        port: wholeNumber('a port number', 1, 65_535).optional(),
        hostname: hostname().default('127.0.0.1'),
        username: username().default('opencode'),
        password: z.union([headerSafe(), z.literal(false)], 'expected a string or false').optional(),
        binary: text().optional(),
        directory: absolute().optional(),
        env: environment().default({}),
        config: anyRecord().refine(isJson, 'expected an object that JSON can represent').default({}),
        logger: loggerSchema().optional(),
        hostTools: hostTools().default({}),
        warmUp: flag().default(true),
        trustProjectConfig: flag().default(false),
        uid: wholeNumber('a user id', 1, greatestId).optional(),
        gid: wholeNumber('a group id', 1, greatestId).optional(),
        spawn: z
          .custom<SpawnWrapper>((value) => typeof value === 'function', 'expected a function')
          .optional(),
        ...defaults(),
        ...lifecycleSchema().shape,
      },
      anyObject,
    )
    .refine(({ password, hostname }) => password !== false || loopback.test(hostname), {
      path: ['password'],
      error: 'expected a password, because hostname is not loopback',
    })
    .refine(({ uid, gid }) => gid === undefined || uid !== undefined, {
      path: ['uid'],
      error: 'expected a user id, because gid is set',
    })
    .refine(({ uid }) => uid === undefined || userProblem() === undefined, {
      path: ['uid'],
      error: () => userProblem() ?? '',
    }),
)

/**
 * Options of a server that may change while the server lives; their values are validated later, together with
 * all options.
 */
export const patchSchema = lazily(() =>
  z.strictObject(
    {
      proxy: anyRecord().optional(),
      models: z.unknown().optional(),
      env: z.unknown().optional(),
      config: z.unknown().optional(),
      hostTools: z.unknown().optional(),
    },
    anyObject,
  ),
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
  z.strictObject(
    {
      baseURL: httpURL(),
      password: headerSafe().optional(),
      username: username().default('opencode'),
      modelId: text().optional(),
      providerId: providerId().default('litellm'),
      directory: absolute().optional(),
      ...defaults(),
    },
    anyObject,
  ),
)

/** Options of a session. */
export const sessionSchema = lazily(() =>
  z.strictObject(
    {
      sessionId: sessionId().optional(),
      title: text().optional(),
      directory: absolute().optional(),
      agent: text().optional(),
    },
    anyObject,
  ),
)

/** Options of a fork. */
export const forkSchema = lazily(() => z.strictObject({ before: messageId().optional() }, anyObject))

/** New title of a session. */
export const renameSchema = lazily(() =>
  z.strictObject({ title: text('expected a title that is not empty') }, anyObject),
)

/** Text of a note. */
export const noteSchema = lazily(() =>
  z.strictObject({ text: text('expected a text that is not empty') }, anyObject),
)

/** Part of a list of sessions. */
export const sessionsSchema = lazily(() =>
  z.strictObject(
    {
      limit: count('sessions', 1).default(100),
      search: text().optional(),
      before: sessionId().optional(),
    },
    anyObject,
  ),
)

/** Options of a wait for a start. */
export const ensureRunningSchema = lazily(() =>
  z.strictObject({ deadlineMs: positiveMs().optional(), signal: abortSignal().optional() }, anyObject),
)

/** Options of a stop. */
export const stopSchema = lazily(() => z.strictObject({ drainMs: duration().default(0) }, anyObject))
