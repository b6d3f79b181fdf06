import type { Caller } from './access/caller.ts'
import type { GatewayContext } from './context.ts'
import type { Metric } from './http/metric.ts'
import type { Route } from './http/route.ts'

/** Part of a gateway: its routes, and what it does when the gateway opens and closes. */
export interface GatewayPart {
  readonly routes: readonly Route[]
  /** Prepares the part, after the fleet and the log are ready. The gateway is ready afterwards. */
  open?(): Promise<void>
  /** Ends the work of the part, within a time in ms. The phase is `draining` already. */
  drain?(drainMs: number): Promise<void>
  /** Returns the metrics of the part that a caller may see. */
  metrics?(caller: Caller): readonly Metric[]
}

/** Makes a part of a gateway. A part that shows the others gets a function that returns all parts. */
export type PartMaker = (context: GatewayContext, all: () => readonly GatewayPart[]) => GatewayPart
