import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { InvalidOptionsError } from './errors.ts'
import type { PermissionRequest, QuestionRequest } from './replies.ts'
import { Secrets } from './secrets.ts'

type Answer<T> = T | Promise<T>

/** What to do with a permission request. Every rejection carries a message, so that the model goes on. */
export type PermissionPolicy =
  | 'reject'
  | 'once'
  | 'always'
  | ((request: PermissionRequest) => Answer<'once' | 'always' | 'reject' | { reject: string }>)

/** What to do with a question: one list of chosen labels per question, or a rejection. */
export type QuestionPolicy = 'reject' | ((request: QuestionRequest) => Answer<string[][] | 'reject'>)

/** A kind of input or output of a model. */
export type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf'

/** A model behind the proxy; a plain id stands for `{ id }`. */
export interface ModelOptions {
  id: string
  name?: string
  /** What it takes; default text only. Without `image` opencode drops images in silence. */
  input?: Modality[]
  contextTokens?: number
  outputTokens?: number
  /** US dollars per million tokens. */
  cost?: { input: number; output: number; cacheRead?: number; cacheWrite?: number }
  /** Passed to the provider as they are. */
  options?: Record<string, unknown>
}

/** The OpenAI-compatible endpoint, LiteLLM or any other, and the agent's own key for it. */
export interface ProxyOptions {
  /** Up to and including `/v1`. */
  baseURL: string
  /** Give the agent a key of its own, scoped: its shell can read it. */
  apiKey: string
  /** Default `litellm`. */
  providerID?: string
  /** Default `LiteLLM`. */
  name?: string
}

/** Where warnings go: the shape of pino, console and most others. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What a turn may be given, with the server's options as defaults. */
export interface TurnDefaults {
  /** Turns that run side by side. Default 16. */
  maxConcurrentTurns?: number
  /** Turns that wait beyond those; one more is `overloaded`. Default 1000. */
  maxQueuedTurns?: number
  /** From `turn()` to its terminal reply. Default 1 800 000 ms. */
  turnDeadlineMs?: number
  /** Without progress of the turn, waiting and running tools aside. Default 300 000 ms. */
  turnStallMs?: number
  /** Retries of the provider that a turn accepts. Default 3. */
  maxRetries?: number
  /** How long a policy may take; then the request is rejected. Default 300 000 ms. */
  requestTimeoutMs?: number
  /** What late subscribers get of a turn before its old deltas are merged. Default 16 MiB. */
  maxReplayBytes?: number
  /** Default `reject`. */
  onPermission?: PermissionPolicy
  /** Default `reject`. */
  onQuestion?: QuestionPolicy
}

/** Durations and counts of the lifecycle. */
export interface LifecycleOptions {
  /** From spawn to healthy. Default 60 000 ms: the first run in a fresh home migrates a database. */
  startTimeoutMs?: number
  /** Between two probes while the server starts. Default 50 ms. */
  probeIntervalMs?: number
  /** For one probe. Default 2 000 ms. */
  probeTimeoutMs?: number
  /** Between two probes of a healthy server. Default 5 000 ms. */
  healthIntervalMs?: number
  /** Failed probes in a row that mean wedged. Default 3. */
  unhealthyThreshold?: number
  /** How long a server with a running turn may also be silent on its event stream. Default 120 000 ms. */
  busyGraceMs?: number
  /** From SIGTERM to SIGKILL. Default 5 000 ms. */
  stopGraceMs?: number
  /** Restarts in `restartWindowMs`. Default 5. */
  maxRestarts?: number
  /** The sliding window of the restart budget. Default 60 000 ms. */
  restartWindowMs?: number
  /** The first wait before a restart. Default 250 ms. */
  backoffInitialMs?: number
  /** By how much the wait grows. Default 2. */
  backoffFactor?: number
  /** The longest wait. Default 30 000 ms. */
  backoffMaxMs?: number
}

/** Options of `OpenCodeServer`. */
export interface OpenCodeServerOptions extends TurnDefaults, LifecycleOptions {
  /** Absolute. The server owns it: config, data, cache and log are in it. One home, one server. */
  home: string
  proxy: ProxyOptions
  /** At least one; the first is the default. */
  models: (string | ModelOptions)[]
  /** Default: a free one, new per spawn. */
  port?: number
  /** Default `127.0.0.1`. */
  hostname?: string
  /** Default `opencode`. */
  username?: string
  /** Default: random, new per spawn. `false`: none, on loopback only. */
  password?: string | false
  /** Default: found on PATH, in `~/.opencode/bin`, or in the `opencode-ai` package. */
  binary?: string
  /** Where the agent works, absolute. Default `{home}/workspace`. */
  directory?: string
  /** More variables for the server's environment. */
  env?: Record<string, string>
  /** More opencode config, merged under ours. */
  config?: Record<string, unknown>
  /** Default: none. */
  logger?: Logger
}

/** A server that somebody else manages. */
export interface ConnectOptions extends TurnDefaults {
  /** `http://127.0.0.1:4096` */
  baseURL: string
  /** Default: none. */
  password?: string
  /** Default `opencode`. */
  username?: string
  /** The default model of its turns; a turn may name its own. */
  modelId?: string
  /** Default `litellm`. */
  providerId?: string
  /** Where new sessions work, absolute. Default: where the server was started. */
  directory?: string
}

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

type Model = z.output<typeof model>

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
  maxReplayBytes: positive.default(16 * 1024 * 1024),
  onPermission: turnLimits.onPermission.default('reject'),
  onQuestion: turnLimits.onQuestion.default('reject'),
}

const lifecycle = {
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
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/

const serverSchema = z
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
    ...lifecycle,
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

/** The options with every default filled in, but for the secrets. */
export type ResolvedOptions = Omit<
  z.output<typeof serverSchema>,
  'proxy' | 'password' | 'env' | 'config' | 'models'
> & {
  directory: string
  proxy: { providerID: string; name: string }
  models: Model[]
}

/** What of the options may hold a secret, and must not be seen by printing, inspecting or serialising. */
export interface SecretOptions {
  baseURL: string
  apiKey: string
  password: string | false | undefined
  env: Record<string, string>
  config: Record<string, unknown>
}

/** Variables whose values are masked in logs and errors too. */
const secretName = /key|token|secret|passw|credential/i

let secretsOf: (options: CompiledOptions) => SecretOptions

/**
 * Validated options: the input of `serverMachine`. Opaque: the secrets sit in private fields, so that neither
 * inspectors, parents, `JSON.stringify` nor `util.inspect` see them.
 */
export class CompiledOptions {
  readonly #secretOptions: SecretOptions
  readonly #values: ResolvedOptions
  readonly #secrets: Secrets

  private constructor(values: ResolvedOptions, secretOptions: SecretOptions) {
    const fromEnv = Object.entries(secretOptions.env).filter(([name]) => secretName.test(name))
    this.#secretOptions = secretOptions
    this.#values = values
    this.#secrets = new Secrets([
      secretOptions.apiKey,
      secretOptions.password,
      ...fromEnv.map(([, value]) => value),
    ])
  }

  /** The options that are no secret. */
  get values(): ResolvedOptions {
    return this.#values
  }

  /** Masks the secrets in texts. */
  get secrets(): Secrets {
    return this.#secrets
  }

  static {
    secretsOf = (options) => options.#secretOptions
  }

  /** @internal */
  static from(options: unknown): CompiledOptions {
    const { proxy, password, env, config, ...rest } = parse(serverSchema, options, 'option')
    const { baseURL, apiKey, ...provider } = proxy
    const directory = rest.directory ?? join(rest.home, 'workspace')
    return new CompiledOptions(
      { ...rest, directory, proxy: provider },
      { baseURL, apiKey, password, env, config },
    )
  }

  /** @internal */
  static of(values: ResolvedOptions, secretOptions: SecretOptions): CompiledOptions {
    return new CompiledOptions(values, secretOptions)
  }
}

/** @internal */
export const secretOptions = (options: CompiledOptions): SecretOptions => secretsOf(options)

/**
 * Validates options and fills in the defaults, once: the input of `serverMachine`.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option, its value and what is expected.
 */
export function compileOptions(options: OpenCodeServerOptions): CompiledOptions {
  return CompiledOptions.from(options)
}

const connectSchema = z.strictObject({
  baseURL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  password: headerSafe.optional(),
  username: username.default('opencode'),
  modelId: z.string().min(1).optional(),
  providerId: providerId.default('litellm'),
  directory: absolute.optional(),
  ...defaults,
})

/** How long a server that somebody else manages may take to answer before it counts as not there, in ms. */
const attachTimeoutMs = 10_000

/** A connection's options as those of a lifecycle that spawns nothing and restarts nothing. */
export function compileConnection(options: ConnectOptions) {
  const {
    baseURL,
    password,
    username: user,
    modelId,
    providerId: provider,
    directory = '',
    ...rest
  } = parse(connectSchema, options, 'option')
  const none = Object.fromEntries(
    Object.entries(lifecycle).map(([key, schema]) => [key, schema.parse(undefined)]),
  )
  const values = {
    ...(none as z.output<z.ZodObject<typeof lifecycle>>),
    ...rest,
    home: '',
    hostname: new URL(baseURL).hostname,
    username: user,
    models: modelId === undefined ? [] : [{ id: modelId }],
    proxy: { providerID: provider, name: provider },
    directory,
    startTimeoutMs: attachTimeoutMs,
    maxRestarts: 0,
  }
  const compiled = CompiledOptions.of(values, { baseURL, apiKey: '', password, env: {}, config: {} })
  return { compiled, endpoint: { baseURL, username: user, password } }
}

/** Parses a value by a schema; a bad one throws {@link InvalidOptionsError}, which names the place and the value. */
export function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InvalidOptionsError(result.error.issues.map((issue) => explain(issue, value, what)).join('; '))
}

function explain(issue: z.core.$ZodIssue, value: unknown, what: string): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => pathOf([...issue.path, key])).join(', ')
    return `Unknown ${what} ${keys}`
  }
  const path = pathOf(issue.path)
  const expected = /^Invalid|^Too|^Unrec/.test(issue.message)
    ? issue.message.replace(/^Invalid input: /, '')
    : issue.message
  return `Invalid ${what}${path === '' ? 's' : ` ${path}`}: ${expected}, got ${show(issue.path, value)}`
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')

/** The value at a path, short; never that of an option which may hold a secret. */
function show(path: readonly PropertyKey[], value: unknown): string {
  let at: unknown = value
  for (const key of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined
  if (at === undefined) return 'undefined'
  if (path.length === 0) return typeof at
  if (path.some((key) => /key|password|env|config|secret|token$/i.test(String(key))))
    return `a ${typeof at} (not shown)`
  if (typeof at === 'function' || typeof at === 'symbol') return `a ${typeof at}`
  const shown = JSON.stringify(at, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  )
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown
}
