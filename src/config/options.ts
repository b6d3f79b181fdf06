import { CompiledOptions } from './compiled-options.ts'
import type { OpenCodeServerOptions } from './server-options.ts'

export { CompiledOptions, type ResolvedOptions, type SecretOptions } from './compiled-options.ts'
export { compileConnection, type ConnectOptions } from './connection.ts'
export { hostTool, type HostTool, type HostToolCall, type HostToolDefinition } from './host-tool.ts'
export { compileFleetOptions, CompiledFleetOptions } from './compiled-fleet.ts'
export type {
  AgentLimits,
  AgentSpec,
  FleetDefaults,
  FleetLimits,
  FleetOptions,
  FleetTelemetryOptions,
  ResolvedAgent,
  TenantOptions,
} from './fleet-options.ts'
export type { LifecycleOptions } from './lifecycle-options.ts'
export type { Modality, ModelOptions, ProxyOptions } from './provider-options.ts'
export type { Logger, OpenCodeServerOptions, ReconfigureOptions, SpawnWrapper } from './server-options.ts'
export type { PermissionPolicy, QuestionPolicy, TurnDefaults } from './turn-options.ts'
export type { WebhookTool } from './webhook-tool.ts'

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
