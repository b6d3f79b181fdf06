import type { ActorRefFrom } from 'xstate'
import type { FleetInput } from '../../actors/fleet/fleet-runtime.ts'
import { initialFleet, type FleetContext } from './fleet-context.ts'
import { fleetSetup } from './fleet-setup.ts'

const inputOf = ({ context }: { context: FleetContext }): FleetInput => ({ runtime: context.runtime })

/**
 * A fleet of agents on one host: which agents have a server, and which turns run. Each server is a child, the
 * `serverMachine` as it is, with the id `server:<agentId>`; it asks for a permit for each start and each turn. Each
 * decision is one transition over the context.
 */
export const fleetMachine = fleetSetup.createMachine({
  id: 'fleet',
  context: ({ input }) => initialFleet(input),
  initial: 'opening',
  invoke: [
    { id: 'hooks', src: 'hooks', input: inputOf, onError: {} },
    {
      id: 'store',
      src: 'store',
      input: inputOf,
      onError: { actions: 'noteStoreFailed' },
    },
  ],
  on: {
    'xstate.done.actor.*': { actions: 'releaseServer' },
    'xstate.error.actor.*': { actions: 'releaseServer' },
  },
  states: {
    opening: {
      description: 'takes the lock of the data folder, and reads the records of the agents',
      on: {
        'store.opened': { target: 'open', actions: 'noteOpened' },
        'store.failed': { target: 'failed', actions: 'noteStoreFailed' },
        'fleet.close': 'closed',
      },
    },

    open: {
      description: 'admits turns, permits starts, and evicts idle servers, within the limits',
      on: {
        'agents.put': { actions: 'putAgents' },
        'agent.remove': { actions: 'remove' },
        'agent.activate': [{ guard: 'isUnknown' }, { guard: 'isActive' }, { actions: 'activate' }],
        'agent.release': { actions: 'release' },
        'agent.passivated': { actions: 'releaseServer' },
        'agent.*': { actions: 'decide' },
        'fleet.close': { target: 'closing', actions: 'stopServers' },
      },
    },

    closing: {
      description: 'accepts no turns; running turns finish within the time limit, and all servers stop',
      always: { guard: 'isEmpty', target: 'closed' },
      on: {
        'agent.turnRequested': { actions: 'refuseTurn' },
        'agent.passivated': { actions: 'releaseServer' },
        'agent.*': { actions: 'decide' },
        'fleet.close': { actions: 'stopServers' },
      },
    },

    failed: {
      description: 'the records of the agents cannot be used; `error` is the cause',
      on: { 'fleet.close': 'closed' },
    },

    closed: {
      description: 'no process of any agent runs',
      type: 'final',
    },
  },
})

/** Actor reference of a running `fleetMachine`. */
export type FleetActorRef = ActorRefFrom<typeof fleetMachine>
