import { isDeepStrictEqual } from 'node:util'
import { patchSchema, serverSchema } from './option-schema.ts'
import type { LifecycleOptions } from './lifecycle-options.ts'
import type { ModelOptions } from './provider-options.ts'
import type { Logger, OpenCodeServerOptions, ReconfigureOptions, SpawnWrapper } from './server-options.ts'
import type { TurnDefaults } from './turn-options.ts'
import { secretTexts } from './secret-texts.ts'
import { Secrets } from './secrets.ts'
import { parse } from './validation.ts'
import { workspaceOf } from './workspace.ts'

/** Options with every default filled in, without the secrets. */
export interface ResolvedOptions
  extends
    Required<TurnDefaults>,
    Required<Omit<LifecycleOptions, 'memoryLimitMb'>>,
    Required<
      Pick<
        OpenCodeServerOptions,
        'home' | 'hostname' | 'username' | 'directory' | 'warmUp' | 'trustProjectConfig' | 'hostTools'
      >
    > {
  memoryLimitMb?: number | undefined
  port?: number | undefined
  binary?: string | undefined
  logger?: Logger | undefined
  uid?: number | undefined
  gid?: number | undefined
  spawn?: SpawnWrapper | undefined
  proxy: { providerId: string; name: string }
  models: ModelOptions[]
  /** Agent of a fleet whose server this is. Such a server waits for the fleet's permits before it starts. */
  agent?: AgentName | undefined
}

/** Id of an agent of a fleet, its tenant, and which of both its metrics carry. */
export interface AgentName {
  id: string
  tenant: string
  metricAttributes?: readonly MetricAttribute[]
}

/** Name that a fleet's metrics may carry. */
export type MetricAttribute = 'agent' | 'tenant'

/** Options that may hold a secret; printing, inspecting or serialising must not show these values. */
export interface SecretOptions {
  baseURL: string
  apiKey: string
  password: string | false | undefined
  env: Record<string, string>
  config: Record<string, unknown>
}

let secretsOf: (options: CompiledOptions) => SecretOptions

/**
 * Validated, immutable options with a revision number: the input of `serverMachine`.
 *
 * @remarks A changed configuration is another object. The secrets are in private fields, so that inspectors,
 * parent machines, `JSON.stringify` and `util.inspect` do not see them.
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
    // Secrets of an earlier configuration stay masked, because a log may still hold them.
    this.#secrets = before?.secrets ?? new Secrets()
    for (const text of textsOf(values, secretOptions)) this.#secrets.add(text)
  }

  /** Options that are not secret. */
  get values(): ResolvedOptions {
    return this.#values
  }

  /** Masks secrets in texts, including the secrets of earlier configurations of the same server. */
  get secrets(): Secrets {
    return this.#secrets
  }

  /**
   * Revision number of this configuration: 0 for a server's first configuration, higher for each later
   * configuration.
   */
  get revision(): number {
    return this.#revision
  }

  static {
    secretsOf = (options) => options.#secretOptions
  }

  /** @internal */
  static from(options: unknown, before?: Before, agent?: AgentName): CompiledOptions {
    const { proxy, password, env, config, ...rest } = parse(serverSchema, options, 'option')
    const { baseURL, apiKey, ...provider } = proxy
    const directory = rest.directory ?? workspaceOf(rest.home)
    return new CompiledOptions(
      {
        ...rest,
        directory,
        drainMs: rest.drainMs ?? rest.turnDeadlineMs,
        proxy: provider,
        ...(agent && { agent }),
      },
      { baseURL, apiKey, password, env, config },
      before,
    )
  }

  /** @internal */
  static of(values: ResolvedOptions, secretOptions: SecretOptions): CompiledOptions {
    return new CompiledOptions(values, secretOptions)
  }
}

/**
 * Secrets that a changed configuration takes over from its predecessor, and the revision number of the
 * changed configuration.
 */
interface Before {
  secrets: Secrets
  revision: number
}

/**
 * Returns the texts to mask in logs and errors: the secret options, and values whose name or place marks them
 * as secret.
 */
function textsOf({ models }: ResolvedOptions, { baseURL, apiKey, password, env, config }: SecretOptions) {
  return [apiKey, password, ...secretTexts([{ baseURL }, env, config, models])]
}

/** Returns the secret options. @internal */
export const secretOptions = (options: CompiledOptions): SecretOptions => secretsOf(options)

/**
 * Returns the options with the patch applied and validated, under a new revision number; `undefined` if the
 * patch changes nothing.
 *
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
  const { agent, ...own } = values
  const { baseURL, apiKey, password, env, config } = secretsOf(options)
  const before = { ...own, proxy: { ...values.proxy, baseURL, apiKey }, password, env, config }
  const after = CompiledOptions.from(
    {
      ...before,
      ...Object.fromEntries(given(rest)),
      proxy: { ...before.proxy, ...Object.fromEntries(given(withoutAlias(proxy ?? {}))) },
    },
    { secrets: options.secrets, revision },
    agent,
  )
  const isSame =
    isDeepStrictEqual(values, after.values) && isDeepStrictEqual(secretsOf(options), secretsOf(after))
  return isSame ? undefined : after
}

/** Returns a proxy patch with the deprecated `providerID` renamed to `providerId`. */
const withoutAlias = ({ providerID, providerId = providerID, ...rest }: Record<string, unknown>) => ({
  ...rest,
  providerId,
})
