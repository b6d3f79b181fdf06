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
  proxy: { providerId: string; name: string }
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

/**
 * Validated options: the input of `serverMachine`. Immutable, and numbered: a changed configuration is another object.
 * Opaque: the secrets sit in private fields, so that neither inspectors, parents, `JSON.stringify` nor `util.inspect` see
 * them.
 */
export class CompiledOptions {
  readonly #secrets: Secrets
  readonly #secretOptions: SecretOptions
  readonly #values: ResolvedOptions
  readonly #revision: number

  private constructor(values: ResolvedOptions, secretOptions: SecretOptions, before?: Before) {
    this.#secretOptions = secretOptions
    this.#values = values
    this.#revision = before?.revision ?? 0
    // A secret of an earlier configuration stays one: a log may still hold it.
    this.#secrets = before?.secrets ?? new Secrets()
    for (const text of textsOf(values, secretOptions)) this.#secrets.add(text)
  }

  /** The options that are no secret. */
  get values(): ResolvedOptions {
    return this.#values
  }

  /** Masks the secrets in texts, those of earlier configurations of the same server included. */
  get secrets(): Secrets {
    return this.#secrets
  }

  /** The number of this configuration: 0 for the first one of a server, higher for each one that followed. */
  get revision(): number {
    return this.#revision
  }

  static {
    secretsOf = (options) => options.#secretOptions
  }

  /** @internal */
  static from(options: unknown, before?: Before): CompiledOptions {
    const { proxy, password, env, config, ...rest } = parse(serverSchema, options, 'option')
    const { baseURL, apiKey, ...provider } = proxy
    const directory = rest.directory ?? join(rest.home, 'workspace')
    return new CompiledOptions(
      { ...rest, directory, drainMs: rest.drainMs ?? rest.turnDeadlineMs, proxy: provider },
      { baseURL, apiKey, password, env, config },
      before,
    )
  }

  /** @internal */
  static of(values: ResolvedOptions, secretOptions: SecretOptions): CompiledOptions {
    return new CompiledOptions(values, secretOptions)
  }
}

/** The secrets that a changed configuration takes over from its predecessor, and its own number. */
interface Before {
  secrets: Secrets
  revision: number
}

/** What is masked in logs and errors: what the options say is secret, or call so. */
function textsOf({ models }: ResolvedOptions, { baseURL, apiKey, password, env, config }: SecretOptions) {
  return [apiKey, password, ...secretTexts([{ baseURL }, env, config, models])]
}

/** @internal */
export const secretOptions = (options: CompiledOptions): SecretOptions => secretsOf(options)

/**
 * Returns the options with some of them changed, validated like all of them, under another number; `undefined` if that
 * changes nothing.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 * @internal
 */
export function changeOptions(
  options: CompiledOptions,
  patch: ReconfigureOptions,
  revision: number,
): CompiledOptions | undefined {
  const { proxy, ...rest } = parse(patchSchema, patch, 'option')
  const given = (fields: object) => Object.entries(fields).filter(([, value]) => value !== undefined)
  const { values } = options
  const { baseURL, apiKey, password, env, config } = secretsOf(options)
  const before = { ...values, proxy: { ...values.proxy, baseURL, apiKey }, password, env, config }
  const after = CompiledOptions.from(
    {
      ...before,
      ...Object.fromEntries(given(rest)),
      proxy: { ...before.proxy, ...Object.fromEntries(given(withoutAlias(proxy ?? {}))) },
    },
    { secrets: options.secrets, revision },
  )
  const isSame =
    isDeepStrictEqual(values, after.values) && isDeepStrictEqual(secretsOf(options), secretsOf(after))
  return isSame ? undefined : after
}

/** Returns a patch of the proxy that names the provider's id by its present name. */
const withoutAlias = ({ providerID, providerId = providerID, ...rest }: Record<string, unknown>) => ({
  ...rest,
  providerId,
})
