import { CompiledOptions } from './compiled-options.ts'
import { connectSchema, lifecycleSchema } from './option-schema.ts'
import type { PermissionRequest, QuestionRequest } from '../replies.ts'
import { parse } from './validation.ts'

export { CompiledOptions, type ResolvedOptions, type SecretOptions } from './compiled-options.ts'

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
  name?: string | undefined
  /** What it takes; default text only. Without `image` opencode drops images in silence. */
  input?: Modality[] | undefined
  contextTokens?: number | undefined
  outputTokens?: number | undefined
  /** US dollars per million tokens. */
  cost?:
    | { input: number; output: number; cacheRead?: number | undefined; cacheWrite?: number | undefined }
    | undefined
  /** Passed to the provider as they are. */
  options?: Record<string, unknown> | undefined
}

/** The OpenAI-compatible endpoint, LiteLLM or any other, and the agent's own key for it. */
export interface ProxyOptions {
  /** Up to and including `/v1`. */
  baseURL: string
  /** Give the agent a key of its own, scoped: its shell can read it. */
  apiKey: string
  /** The provider's id in opencode's config. Default `litellm`. */
  providerId?: string
  /** @deprecated Until 1.0: use `providerId`. */
  providerID?: string
  /** Default `LiteLLM`. */
  name?: string
}

/** Where the log goes (docs/reference/observability.md): the shape of pino, console and most others. */
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
  /** Of all attachments of a turn together. Default 20 MiB. */
  maxAttachmentBytes?: number
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
  /** A server without turns is stopped after so long; the next turn starts it again. Default 0: never. */
  idleTimeoutMs?: number
  /**
   * The resident set of the server's process group, in MiB, beyond which it is replaced: new turns wait, running ones
   * finish. Default: no limit. A server takes 300 when it is ready, and 700 after work (opencode 1.18.33).
   */
  memoryLimitMb?: number
  /**
   * How long running turns may take to finish before the server is replaced, for its memory or by `reconfigure`. Default:
   * `turnDeadlineMs`, so that no turn is cut short by it.
   */
  drainMs?: number
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
  /** The agent's working directory, absolute. Must exist; only the default, `{home}/workspace`, is created. */
  directory?: string
  /** More variables for the server's environment. */
  env?: Record<string, string>
  /** More opencode config, merged under ours. */
  config?: Record<string, unknown>
  /** Default: none. */
  logger?: Logger
  /** Once healthy, have the server load what its first turn needs, so that it need not wait for it. Default true. */
  warmUp?: boolean
  /**
   * Load what the agent's directory says of itself: its `opencode.json`, and `.opencode` with its plugins. They run as you,
   * with the agent's key, and may send it anywhere. Default false.
   */
  trustProjectConfig?: boolean
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

/** What of a server's options may change while it lives. What is left out stays as it is. */
export interface ReconfigureOptions {
  /** Its endpoint, key or name; what is left out stays. */
  proxy?: Partial<ProxyOptions>
  /** All of them. */
  models?: OpenCodeServerOptions['models']
  /** All of them. */
  env?: Record<string, string>
  /** All of it. */
  config?: Record<string, unknown>
}

/**
 * Validates options and fills in the defaults, once: the input of `serverMachine`.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option, its value and what is expected.
 */
export function compileOptions(options: OpenCodeServerOptions): CompiledOptions {
  return CompiledOptions.from(options)
}

/** How long a server that somebody else manages may take to answer before it counts as not there, in ms. */
const attachTimeoutMs = 10_000

/** Nothing is known of a model that somebody else declared: it may take anything. */
const modalities = ['text', 'image', 'audio', 'video', 'pdf'] as const

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
  const values = {
    ...lifecycleSchema().parse({}),
    ...rest,
    home: '',
    hostname: new URL(baseURL).hostname,
    username: user,
    models: modelId === undefined ? [] : [{ id: modelId, input: [...modalities] }],
    proxy: { providerId: provider, name: provider },
    directory,
    startTimeoutMs: attachTimeoutMs,
    maxRestarts: 0,
    warmUp: false,
    trustProjectConfig: true,
    drainMs: 0,
  }
  const compiled = CompiledOptions.of(values, { baseURL, apiKey: '', password, env: {}, config: {} })
  return { compiled, endpoint: { baseURL, username: user, password } }
}
