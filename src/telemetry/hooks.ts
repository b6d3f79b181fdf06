import type { ServerHooks } from '../actors/hooks.ts'
import type { ReadAgent } from './agent-labels.ts'
import { logTo } from './log.ts'
import type { CompiledOptions } from '../config/options.ts'
import { telemetry } from './telemetry.ts'

/** Builds the configured hooks: OpenTelemetry (if installed) and `logger`. */
export function hooksOf(options: CompiledOptions, agent: ReadAgent = () => undefined): ServerHooks[] {
  const { values, secrets } = options
  const hooks = [telemetry(options, agent), values.logger && logTo(values.logger, secrets, agent)]
  return hooks.filter((entry) => entry !== undefined)
}
