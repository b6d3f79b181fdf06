import { CompiledOptions } from './compiled-options.ts'
import { connectSchema, lifecycleSchema } from './option-schema.ts'
import type { PermissionRequest, QuestionRequest } from '../replies.ts'
import { parse } from './validation.ts'

export { CompiledOptions, type ResolvedOptions, type SecretOptions } from './compiled-options.ts'

type Answer<T> = T | Promise<T>

/**
 * Answer to a permission request: a fixed answer, or a function that returns one.
 *
 * @remarks Every rejection carries a message, so that the model goes on.
 */
export type PermissionPolicy =
  | 'reject'
  | 'once'
  | 'always'
  | ((request: PermissionRequest) => Answer<'once' | 'always' | 'reject' | { reject: string }>)

/** Answer to a question: one list of chosen labels per question, or a rejection. */
export type QuestionPolicy = 'reject' | ((request: QuestionRequest) => Answer<string[][] | 'reject'>)

/** Kind of input or output of a model. */
export type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf'

/** Model behind the proxy; a plain id stands for `{ id }`. */
export interface ModelOptions {
  id: string
  name?: string | undefined
  /**
   * Kinds of input that the model takes.
   *
   * @defaultValue `['text']`
   * @remarks Without `image`, opencode drops images without an error.
   */
  input?: Modality[] | undefined
  contextTokens?: number | undefined
  outputTokens?: number | undefined
  /** Prices, in US dollars per million tokens. */
  cost?:
    | { input: number; output: number; cacheRead?: number | undefined; cacheWrite?: number | undefined }
    | undefined
  /** Options that are passed to the provider unchanged. */
  options?: Record<string, unknown> | undefined
}

/** OpenAI-compatible endpoint, LiteLLM or any other, and the agent's own key for that endpoint. */
export interface ProxyOptions {
  /** URL of the endpoint, up to and including `/v1`. */
  baseURL: string
  /** Key of the endpoint. Create a separate, scoped key for the agent: the agent's shell can read the key. */
  apiKey: string
  /**
   * Id of the provider in opencode's config.
   *
   * @defaultValue `litellm`
   */
  providerId?: string
  /** @deprecated Until 1.0: use `providerId`. */
  providerID?: string
  /**
   * Name of the provider in opencode's config.
   *
   * @defaultValue `LiteLLM`
   */
  name?: string
}

/** Receiver of the log (docs/reference/observability.md); pino, console and most other loggers have this shape. */
export interface Logger {
  /**
   * Logs a line of the level `debug`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  debug(fields: object, message: string): void
  /**
   * Logs a line of the level `info`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  info(fields: object, message: string): void
  /**
   * Logs a line of the level `warn`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  warn(fields: object, message: string): void
  /**
   * Logs a line of the level `error`.
   *
   * @param fields - The facts of the line, secrets masked.
   * @param message - The line.
   */
  error(fields: object, message: string): void
}

/** Limits and policies of turns; the server's options are the defaults of each turn. */
export interface TurnDefaults {
  /**
   * Maximum number of turns that run at the same time.
   *
   * @defaultValue 16
   */
  maxConcurrentTurns?: number
  /**
   * Maximum number of turns that wait in the queue; a further turn ends with the code `overloaded`.
   *
   * @defaultValue 1000
   */
  maxQueuedTurns?: number
  /**
   * Time limit of a turn from `turn()` to its terminal reply, in ms.
   *
   * @defaultValue 1_800_000
   */
  turnDeadlineMs?: number
  /**
   * Time limit of a turn without progress, in ms; pending requests, scheduled retries and running tools do
   * not count.
   *
   * @defaultValue 300_000
   */
  turnStallMs?: number
  /**
   * Maximum number of provider retries that a turn accepts.
   *
   * @defaultValue 3
   */
  maxRetries?: number
  /**
   * Time limit of a policy's answer, in ms; when the limit passes, the request is rejected.
   *
   * @defaultValue 300_000
   */
  requestTimeoutMs?: number
  /**
   * Maximum size of all attachments of a turn together, in bytes.
   *
   * @defaultValue 20_971_520 (20 MiB)
   */
  maxAttachmentBytes?: number
  /**
   * Size of a turn's replay buffer, in bytes, beyond which old deltas are merged for late subscribers.
   *
   * @defaultValue 16_777_216 (16 MiB)
   */
  maxReplayBytes?: number
  /**
   * Answer to permission requests.
   *
   * @defaultValue `'reject'`
   */
  onPermission?: PermissionPolicy
  /**
   * Answer to questions.
   *
   * @defaultValue `'reject'`
   */
  onQuestion?: QuestionPolicy
}

/** Durations and counts of a server's lifecycle. */
export interface LifecycleOptions {
  /**
   * Time limit of a start, from spawn to healthy, in ms.
   *
   * @defaultValue 60_000
   * @remarks The first run in a fresh home migrates a database.
   */
  startTimeoutMs?: number
  /**
   * Interval between two probes while the server starts, in ms.
   *
   * @defaultValue 50
   */
  probeIntervalMs?: number
  /**
   * Time limit of a probe, in ms.
   *
   * @defaultValue 2_000
   */
  probeTimeoutMs?: number
  /**
   * Interval between two probes of a healthy server, in ms.
   *
   * @defaultValue 5_000
   */
  healthIntervalMs?: number
  /**
   * Number of consecutive failed probes after which the server counts as wedged.
   *
   * @defaultValue 3
   */
  unhealthyThreshold?: number
  /**
   * Minimum silence of the event stream, in ms, after which a server with a running turn and failed probes
   * counts as wedged.
   *
   * @defaultValue 120_000
   */
  busyGraceMs?: number
  /**
   * Time between SIGTERM and SIGKILL, in ms.
   *
   * @defaultValue 5_000
   */
  stopGraceMs?: number
  /**
   * Maximum number of restarts within `restartWindowMs`.
   *
   * @defaultValue 5
   */
  maxRestarts?: number
  /**
   * Length of the sliding window of the restart budget, in ms.
   *
   * @defaultValue 60_000
   */
  restartWindowMs?: number
  /**
   * First wait before a restart, in ms.
   *
   * @defaultValue 250
   */
  backoffInitialMs?: number
  /**
   * Factor by which the wait grows with each restart.
   *
   * @defaultValue 2
   */
  backoffFactor?: number
  /**
   * Longest wait before a restart, in ms.
   *
   * @defaultValue 30_000
   */
  backoffMaxMs?: number
  /**
   * Time after which a server without turns is stopped, in ms; the next turn starts the server again.
   *
   * @defaultValue 0 (never stopped)
   */
  idleTimeoutMs?: number
  /**
   * Resident memory of the server's process group, in MiB, beyond which the server is replaced. During the
   * replacement new turns wait and running turns finish.
   *
   * @defaultValue no limit
   * @remarks Observed in opencode 1.18.33: a server takes 300 MiB when ready, and 700 MiB after work.
   */
  memoryLimitMb?: number
  /**
   * Time that running turns get to finish before the server is replaced, in ms. The server is replaced for
   * its memory or by `reconfigure`.
   *
   * @defaultValue `turnDeadlineMs`
   * @remarks The default lets the replacement interrupt no turn.
   */
  drainMs?: number
}

/** Options of `OpenCodeServer`. */
export interface OpenCodeServerOptions extends TurnDefaults, LifecycleOptions {
  /**
   * Absolute path of the server's home, which holds config, data, cache and log. Each server needs a home of
   * its own.
   */
  home: string
  proxy: ProxyOptions
  /** Models of the server, at least one; the first model is the default. */
  models: (string | ModelOptions)[]
  /**
   * Port of the server.
   *
   * @defaultValue a free port, chosen anew for each spawn
   */
  port?: number
  /**
   * Host name or address on which the server listens.
   *
   * @defaultValue `127.0.0.1`
   */
  hostname?: string
  /**
   * User name of the server's API.
   *
   * @defaultValue `opencode`
   */
  username?: string
  /**
   * Password of the server's API; `false` disables the password and is allowed on loopback only.
   *
   * @defaultValue a random password, new for each spawn
   */
  password?: string | false
  /**
   * Name or path of the opencode binary.
   *
   * @defaultValue the binary found on PATH, in `~/.opencode/bin`, or in the `opencode-ai` package
   */
  binary?: string
  /**
   * Absolute path of the agent's working directory. The directory must exist; only the default directory is
   * created.
   *
   * @defaultValue `{home}/workspace`
   */
  directory?: string
  /** Additional variables of the server's environment. */
  env?: Record<string, string>
  /** Additional opencode config, merged under the config that this package writes. */
  config?: Record<string, unknown>
  /**
   * Receiver of the log.
   *
   * @defaultValue no log
   */
  logger?: Logger
  /**
   * Preparation of the first turn: a healthy server loads in advance what its first turn needs, so that the
   * first turn does not wait.
   *
   * @defaultValue true
   */
  warmUp?: boolean
  /**
   * Trust in the project's own config: if true, opencode loads the config of the agent's directory,
   * `opencode.json` and `.opencode` with its plugins. Plugins run as your user, with the agent's key, and can
   * send the key anywhere.
   *
   * @defaultValue false
   */
  trustProjectConfig?: boolean
}

/** Options of a connection to a server that another program manages. */
export interface ConnectOptions extends TurnDefaults {
  /** URL of the server, for example `http://127.0.0.1:4096`. */
  baseURL: string
  /**
   * Password of the server.
   *
   * @defaultValue no password
   */
  password?: string
  /**
   * User name of the server's API.
   *
   * @defaultValue `opencode`
   */
  username?: string
  /** Default model of the connection's turns; a turn may name another model. */
  modelId?: string
  /**
   * Provider of the default model.
   *
   * @defaultValue `litellm`
   */
  providerId?: string
  /**
   * Absolute path of the directory of new sessions.
   *
   * @defaultValue the directory in which the server was started
   */
  directory?: string
}

/** Options that may change while the server lives; an omitted option keeps its value. */
export interface ReconfigureOptions {
  /** New endpoint, key or name; an omitted field keeps its value. */
  proxy?: Partial<ProxyOptions>
  /** New models; the list replaces the old list. */
  models?: OpenCodeServerOptions['models']
  /** New variables; the record replaces the old record. */
  env?: Record<string, string>
  /** New opencode config; the config replaces the old config. */
  config?: Record<string, unknown>
}

/**
 * Validates options and fills in the defaults; the result is the input of `serverMachine`.
 *
 * @param options - the options of the server
 * @returns the validated options
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option, its value and the
 * expected value
 */
export function compileOptions(options: OpenCodeServerOptions): CompiledOptions {
  return CompiledOptions.from(options)
}

/**
 * Time limit for the answer of a server that another program manages, in ms; afterwards the server counts as
 * unavailable.
 */
const attachTimeoutMs = 10_000

/**
 * Modalities of a model that another program declared: all of them, because the model's real modalities are
 * unknown.
 */
const modalities = ['text', 'image', 'audio', 'video', 'pdf'] as const

/**
 * Returns a connection's options as the options of a lifecycle that spawns nothing and restarts nothing.
 *
 * @internal
 */
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
