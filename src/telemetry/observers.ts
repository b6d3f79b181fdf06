import type { Observer } from '../actors/observer.ts'
import { logTo } from './log.ts'
import type { CompiledOptions } from '../config/options.ts'
import { telemetry } from './telemetry.ts'

/** Who is told what happens to the server of these options: OpenTelemetry where it is installed, and the `logger`. */
export function observersOf(options: CompiledOptions): Observer[] {
  const { values, secrets } = options
  const observers = [telemetry(options), values.logger && logTo(values.logger, secrets)]
  return observers.filter((observer) => observer !== undefined)
}
