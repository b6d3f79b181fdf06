import { totalmem } from 'node:os'
import { join } from 'node:path'
import { asRuntimeError } from '../errors.ts'
import { ignoreErrors } from '../util/ignore-errors.ts'
import { frozenCopy } from './frozen-copy.ts'
import { fleetSchema } from './fleet-schema.ts'
import type {
  AgentSpec,
  FleetDefaults,
  FleetLimits,
  FleetOptions,
  FleetTelemetryOptions,
  ResolvedAgent,
  TenantOptions,
} from './fleet-options.ts'
import { ownOptions, refuseOptions } from './refused-options.ts'
import type { Logger } from './server-options.ts'
import { parse } from './validation.ts'

/** Options of a fleet with every default filled in, without the options of its agents. */
export interface ResolvedFleetOptions {
  readonly dataDir: string
  readonly limits: Readonly<Required<FleetLimits>>
  /** Tenants that have options. */
  readonly tenants: Readonly<Record<string, ResolvedTenant>>
  readonly logger?: Logger | undefined
  readonly telemetry: Readonly<Required<FleetTelemetryOptions>>
}

/** Options of a tenant with every default filled in; a tenant without a limit has the limit of the fleet. */
export type ResolvedTenant = Readonly<Required<TenantOptions>>

/** Parts of a fleet's options that may hold secrets. */
interface AgentSource {
  readonly defaults: FleetDefaults
  readonly resolve: FleetOptions['resolve']
  readonly webhookSecret: string | undefined
  /** Source of the keys that nothing else gives, which a host of a cluster sets. */
  readonly keys: { resolveKey?: ResolveKey }
  /** Limits of running turns that the tenants' own options name. */
  readonly runningCaps: Readonly<Record<string, number>>
}

/** Returns the key of an agent's endpoint. */
export type ResolveKey = (agentId: string) => string | Promise<string>

let sourceOf: (options: CompiledFleetOptions) => AgentSource

/**
 * Validated, immutable options of a fleet: the input of `fleetMachine`.
 *
 * @remarks The defaults of the agents may hold secrets. They are in private fields, so that inspectors, parent
 * machines, `JSON.stringify` and `util.inspect` do not see them.
 */
export class CompiledFleetOptions {
  readonly #source: AgentSource
  readonly #values: ResolvedFleetOptions

  private constructor(values: ResolvedFleetOptions, source: AgentSource) {
    this.#values = values
    this.#source = source
  }

  /** Options that are not secret. */
  get values(): ResolvedFleetOptions {
    return this.#values
  }

  static {
    sourceOf = (options) => options.#source
  }

  /** @internal */
  static from(options: unknown): CompiledFleetOptions {
    const { defaults = {} } = Object(options) as Partial<FleetOptions>
    refuseOptions(defaults, ownOptions, 'the defaults of a fleet')
    const { dataDir, limits, tenants, resolve, webhookSecret, logger, telemetry } = parse(
      fleetSchema,
      options,
      'option',
    )
    const filled = { ...limits, memoryMb: limits.memoryMb ?? defaultMemoryMb() }
    const values = {
      dataDir,
      limits: Object.freeze(filled),
      tenants: fillTenants(tenants, filled),
      telemetry: Object.freeze(telemetry),
      ...(logger && { logger }),
    }
    // The defaults stay as given: a default that the schema fills in would override nothing, but look given.
    return new CompiledFleetOptions(Object.freeze(values), {
      defaults: frozenCopy(defaults),
      resolve,
      webhookSecret,
      keys: {},
      runningCaps: runningCapsOf(tenants),
    })
  }
}

/**
 * Validates options of a fleet and fills in the defaults; the result is the input of `fleetMachine`.
 *
 * @param options - the options of the fleet
 * @returns the validated options
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the option, its value and the
 * expected value
 */
export function compileFleetOptions(options: FleetOptions): CompiledFleetOptions {
  return CompiledFleetOptions.from(options)
}

/** Returns the options of every agent. @internal */
export const agentDefaults = (fleet: CompiledFleetOptions): FleetDefaults => sourceOf(fleet).defaults

/** Returns the home of an agent. @internal */
export const homeOf = ({ values }: CompiledFleetOptions, id: string): string => join(values.dataDir, id)

/** Returns the secret that signs the calls of webhooks; `undefined` if the fleet keeps a secret of its own. @internal */
export const webhookSecretOf = (fleet: CompiledFleetOptions): string | undefined =>
  sourceOf(fleet).webhookSecret

/** Gives a fleet the source of the keys that nothing else gives. @internal */
export function attachKeys(fleet: CompiledFleetOptions, resolveKey: ResolveKey): void {
  sourceOf(fleet).keys.resolveKey = resolveKey
}

/** Returns whether the fleet has a source of keys beside the specs and the option `resolve`. @internal */
export const hasKeySource = (fleet: CompiledFleetOptions): boolean =>
  sourceOf(fleet).keys.resolveKey !== undefined

/** Returns whether the fleet has the option `resolve`. @internal */
export const hasResolve = (fleet: CompiledFleetOptions): boolean => sourceOf(fleet).resolve !== undefined

/** Returns whether options of an agent are asked for when its server starts. @internal */
export const resolvesLater = (fleet: CompiledFleetOptions): boolean =>
  hasResolve(fleet) || hasKeySource(fleet)

/**
 * Asks the fleet's option `resolve` for the options of an agent that cannot be in its spec, and then, if the agent has
 * no key, the fleet's source of keys. Rejects with the error of `resolve`. @internal
 */
export async function resolveAgent(
  fleet: CompiledFleetOptions,
  spec: AgentSpec,
): Promise<ResolvedAgent | undefined> {
  const { defaults, resolve, keys } = sourceOf(fleet)
  const resolved = await resolve?.(spec)
  const hasKey = [defaults, spec, resolved].some((layer) => layer?.proxy?.apiKey !== undefined)
  if (hasKey || !keys.resolveKey) return resolved
  return { ...resolved, proxy: { ...resolved?.proxy, apiKey: await keyOf(keys.resolveKey, spec.id) } }
}

/** @throws OpenCodeRuntimeError that names the function, because the key may be all that is missing */
async function keyOf(resolveKey: ResolveKey, agentId: string): Promise<string> {
  try {
    return await resolveKey(agentId)
  } catch (error) {
    throw asRuntimeError(error, `The option resolveKey of the cluster failed for the agent ${agentId}`)
  }
}

/** Returns the weight and limits of any tenant. @internal */
export function tenantOptions({ values }: CompiledFleetOptions, tenant: string): ResolvedTenant {
  const own = Object.hasOwn(values.tenants, tenant) ? values.tenants[tenant] : undefined
  return own ?? fillTenant({}, values.limits)
}

/** Returns the limit of running turns that the options of a tenant name; `undefined` without one. @internal */
export function runningCapOf(fleet: CompiledFleetOptions, tenant: string): number | undefined {
  const { runningCaps } = sourceOf(fleet)
  return Object.hasOwn(runningCaps, tenant) ? runningCaps[tenant] : undefined
}

const runningCapsOf = (tenants: Readonly<Record<string, GivenTenant>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(tenants).flatMap(([name, { maxRunningTurns: cap }]) =>
      cap === undefined ? [] : [[name, cap]],
    ),
  )

function fillTenants(
  given: Readonly<Record<string, GivenTenant>>,
  limits: Required<FleetLimits>,
): ResolvedFleetOptions['tenants'] {
  const entries = Object.entries(given).map(([name, each]) => [name, fillTenant(each, limits)] as const)
  return Object.freeze(Object.fromEntries(entries))
}

type GivenTenant = { [Name in keyof TenantOptions]: number | undefined }

function fillTenant(given: GivenTenant, limits: Required<FleetLimits>): ResolvedTenant {
  const { weight = 1, maxRunningTurns, maxQueuedTurns } = given
  return Object.freeze({
    weight,
    maxRunningTurns: maxRunningTurns ?? limits.maxRunningTurns,
    maxQueuedTurns: maxQueuedTurns ?? limits.maxQueuedTurns,
  })
}

const mib = 1024 * 1024

/**
 * Returns three quarters of the memory that this process may use, in MiB. A container's limit is often lower
 * than the memory of the host.
 */
function defaultMemoryMb(): number {
  // Bun and Deno may lack the function; 0 stands for an unknown limit.
  const limit = ignoreErrors(() => process.constrainedMemory()) ?? 0
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return Math.max(1, Math.floor((bytes * 0.75) / mib))
}
