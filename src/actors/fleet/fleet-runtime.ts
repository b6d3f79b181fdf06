import type { CompiledFleetOptions } from '../../config/compiled-fleet.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import type { OpenCodeRuntimeError } from '../../errors.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import type { FleetStore } from '../../io/fleet/fleet-store.ts'
import { Lifeline } from '../../io/process/lifeline.ts'
import { WebhookTools } from './webhook-tools.ts'

/** State beside one fleet machine that never enters the machine's context or events: the specs, and the store. */
export class FleetRuntime {
  readonly options: CompiledFleetOptions
  /** Specs of all known agents, by id. */
  readonly specs = new Map<string, AgentSpec>()
  /** Errors of agents whose records cannot be used, by id. */
  readonly faults = new Map<string, OpenCodeRuntimeError>()
  /** Store of the specs, while it is open. */
  store: Pick<FleetStore, 'change' | 'writeStatus' | 'close'> | undefined
  /** Host tools of the agents that webhooks run. */
  readonly webhooks: WebhookTools
  /** Limit of the servers' life without news of the host, which a cluster sets. */
  readonly lifeline = new Lifeline()
  /** Promises that settle when the store was opened, and when it was closed; they never reject. */
  opening: Promise<unknown> = Promise.resolve()
  closing: Promise<unknown> = Promise.resolve()

  constructor(options: CompiledFleetOptions) {
    this.options = options
    this.webhooks = new WebhookTools(options, (message, fields) => this.warn(message, fields))
  }

  /** Logs a condition that needs a user's attention. */
  warn(message: string, fields: Readonly<Record<string, string>> = {}): void {
    const { dataDir, logger } = this.options.values
    ignoreErrors(() => logger?.warn({ dataDir, ...fields }, message))
  }
}

let open: (handle: FleetHandle) => FleetRuntime

/**
 * Opaque handle of a {@link FleetRuntime} in a machine's context, passed to actors as input.
 *
 * @remarks Inspectors and `JSON.stringify` do not see the runtime behind the handle.
 */
export class FleetHandle {
  readonly #runtime: FleetRuntime

  constructor(options: CompiledFleetOptions) {
    this.#runtime = new FleetRuntime(options)
  }

  static {
    open = (handle) => handle.#runtime
  }
}

/** Returns the runtime behind a machine's handle. */
export const fleetRuntimeOf = (handle: FleetHandle): FleetRuntime => open(handle)

/** Input of each actor of a fleet machine. */
export interface FleetInput {
  runtime: FleetHandle
}
