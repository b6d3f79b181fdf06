import { fromCallback, type EventObject } from 'xstate'
import { fleetRuntimeOf, type FleetInput } from '../../actors/fleet/fleet-runtime.ts'
import { fleetMachine as machine, type FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import { followFleet } from '../../telemetry/fleet.ts'
import { serverMachine } from '../server-machine.ts'

/** Reports the fleet to OpenTelemetry (if installed) and to the option `logger`. */
const hooks = fromCallback<EventObject, FleetInput>(({ input, self }) => {
  const { options } = fleetRuntimeOf(input.runtime)
  return followFleet(self._parent as FleetActorRef, options)
})

/**
 * A fleet of agents on one host: which agents have a server, and which turns run. Each server is a child, the
 * `serverMachine` as it is, with the id `server:<agentId>`; the server asks for a permit for each start and each turn.
 * OpenTelemetry (if installed) and the option `logger` follow the fleet.
 *
 * Input: `compileFleetOptions(options)`. Embed it, and use it by `fleetOf(actor)`.
 *
 * @example
 * import { compileFleetOptions, fleetMachine, fleetOf } from 'opencode-runtime'
 * import { createActor } from 'xstate'
 *
 * const options = compileFleetOptions({
 *   dataDir: '/srv/agents',
 *   defaults: { proxy: { baseURL: 'http://127.0.0.1:4000/v1' }, models: ['gpt-4o'] },
 * })
 * const actor = createActor(fleetMachine, { input: options }).start()
 * const fleet = fleetOf(actor)
 * fleet.events$.subscribe((event) => console.log(event.type, event.agentId))
 */
export const fleetMachine = machine.provide({ actors: { hooks, server: serverMachine } })
