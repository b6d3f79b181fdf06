import { clockOf } from '../actors/clock.ts'
import type { ServerHooks } from '../actors/hooks.ts'
import { followLifecycle } from '../machines/lifecycle.ts'
import type { CompiledOptions } from '../config/options.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import { metricLabels, type ReadAgent } from './agent-labels.ts'
import { loadApi, type Api } from './api.ts'
import { Meters, type Telemetry } from './meters.ts'
import { StartTelemetry } from './starts.ts'
import { TurnTelemetry } from './turns.ts'

/** OpenTelemetry's API, and the instruments of this package. */
interface SharedTelemetry {
  api: Api
  meters: Meters
}

let shared: SharedTelemetry | undefined
let isLoaded = false

/** Returns OpenTelemetry's API and the instruments, or `undefined` if the API is not installed. */
export function sharedTelemetry(): SharedTelemetry | undefined {
  if (!isLoaded) {
    const api = loadApi()
    shared = api && { api, meters: new Meters(api) }
    isLoaded = true
  }
  return shared
}

/** Returns the hooks of servers and turns for OpenTelemetry, or `undefined` if the API is not installed. */
export function telemetry(options: CompiledOptions, agent: ReadAgent): ServerHooks | undefined {
  const installed = sharedTelemetry()
  return installed && hooksWith({ ...installed, options, agent })
}

/** Returns hooks that report to OpenTelemetry. Without an SDK, the API ignores the calls. */
export function hooksWith(telemetry: Telemetry): ServerHooks {
  return {
    onMachine: (actor) => {
      const starts = new StartTelemetry(telemetry, clockOf(actor.system).now)
      followLifecycle(actor as ServerActorRef, {
        next: (change) => starts.next(change),
        complete: () => starts.close(),
      })
    },
    onProbe: (ms, outcome) =>
      telemetry.meters.write('probeDuration', ms / 1000, {
        'opencode_runtime.outcome': outcome,
        ...metricLabels(telemetry.agent()),
      }),
    onTurn: (record, now) => new TurnTelemetry(telemetry, record, now),
  }
}
