import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { patchSchema, serverSchema } from './option-schema.ts'
import type {
  LifecycleOptions,
  Logger,
  ModelOptions,
  OpenCodeServerOptions,
  ReconfigureOptions,
  TurnDefaults,
} from './options.ts'
import { secretTexts } from './secret-texts.ts'
import { Secrets } from './secrets.ts'
import { parse } from './validation.ts'

/** The options with every default filled in, but for the secrets. */
export interface ResolvedOptions
  extends
    Required<TurnDefaults>,
    Required<Omit<LifecycleOptions, 'memoryLimitMb'>>,
    Required<
      Pick<
        OpenCodeServerOptions,
        'home' | 'hostname' | 'username' | 'directory' | 'warmUp' | 'trustProjectConfig'
      >
    > {
  memoryLimitMb?: number | undefined
  port?: number | undefined
  binary?: string | undefined
  logger?: Logger | undefined
  proxy: { providerID: string; name: string }
  models: ModelOptions[]
}

/** What of the options may hold a secret, and must not be seen by printing, inspecting or serialising. */
export interface SecretOptions {
  baseURL: string
  apiKey: string
  password: string | false | undefined
  env: Record<string, string>
  config: Record<string, unknown>
}

let secretsOf: (options: CompiledOptions) => SecretOptions
let become: (options: CompiledOptions, other: CompiledOptions) => void

/**
 * Validated options: the input of `serverMachine`. Opaque: the secrets sit in private fields, so that neither
 * inspectors, parents, `JSON.stringify` nor `util.inspect` see them.
 */
export class CompiledOptions {
  readonly #secrets: Secrets
  #secretOptions: SecretOptions
  #values: ResolvedOptions

  private constructor(values: ResolvedOptions, secretOptions: SecretOptions) {
    this.#secretOptions = secretOptions
    this.#values = values
    this.#secrets = new Secrets(textsOf(values, secretOptions))
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
    become = (options, other) => {
      options.#values = other.#values
      options.#secretOptions = other.#secretOptions
      // What was a secret before stays one: it may still be in a log.
      for (const text of textsOf(other.#values, other.#secretOptions)) options.#secrets.add(text)
    }
  }

  /** @internal */
  static from(options: unknown): CompiledOptions {
    const { proxy, password, env, config, ...rest } = parse(serverSchema, options, 'option')
    const { baseURL, apiKey, ...provider } = proxy
    const directory = rest.directory ?? join(rest.home, 'workspace')
    return new CompiledOptions(
      { ...rest, directory, drainMs: rest.drainMs ?? rest.turnDeadlineMs, proxy: provider },
      { baseURL, apiKey, password, env, config },
    )
  }

  /** As they are now, whatever becomes of these. @internal */
  copy(): CompiledOptions {
    return new CompiledOptions(this.#values, this.#secretOptions)
  }

  /** @internal */
  static of(values: ResolvedOptions, secretOptions: SecretOptions): CompiledOptions {
    return new CompiledOptions(values, secretOptions)
  }
}

/** What is masked in logs and errors: what the options say is secret, or call so. */
function textsOf({ models }: ResolvedOptions, { baseURL, apiKey, password, env, config }: SecretOptions) {
  return [apiKey, password, ...secretTexts([{ baseURL }, env, config, models])]
}

/** @internal */
export const secretOptions = (options: CompiledOptions): SecretOptions => secretsOf(options)

/** Has a machine's options say from here on what other ones say. @internal */
export const useOptions = (options: CompiledOptions, other: CompiledOptions): void => become(options, other)

/**
 * The options with some of them changed, validated like all of them; `undefined` where that changes nothing.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 * @internal
 */
export function changeOptions(
  options: CompiledOptions,
  patch: ReconfigureOptions,
): CompiledOptions | undefined {
  const { proxy, ...rest } = parse(patchSchema, patch, 'option')
  const given = (fields: object) => Object.entries(fields).filter(([, value]) => value !== undefined)
  const { values } = options
  const { baseURL, apiKey, password, env, config } = secretsOf(options)
  const before = { ...values, proxy: { ...values.proxy, baseURL, apiKey }, password, env, config }
  const after = CompiledOptions.from({
    ...before,
    ...Object.fromEntries(given(rest)),
    proxy: { ...before.proxy, ...Object.fromEntries(given(proxy ?? {})) },
  })
  const isSame =
    isDeepStrictEqual(values, after.values) && isDeepStrictEqual(secretsOf(options), secretsOf(after))
  return isSame ? undefined : after
}
