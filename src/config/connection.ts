import { CompiledOptions } from './compiled-options.ts'
import { connectSchema, lifecycleSchema } from './option-schema.ts'
import type { TurnDefaults } from './turn-options.ts'
import { parse } from './validation.ts'

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

/** Returns a connection's options as the options of a lifecycle that spawns nothing and restarts nothing. */
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
    hostTools: {},
    warmUp: false,
    trustProjectConfig: true,
    drainMs: 0,
  }
  const compiled = CompiledOptions.of(values, { baseURL, apiKey: '', password, env: {}, config: {} })
  return { compiled, endpoint: { baseURL, username: user, password } }
}
