import { compileFleetOptions } from '../../src/config/compiled-fleet.ts'
import type { AgentSpec, FleetOptions } from '../../src/config/fleet-options.ts'
import { openFleetStore, type OpenedStore } from '../../src/io/fleet/fleet-store.ts'
import type { StoreClock } from '../../src/io/fleet/status-writer.ts'
import { VirtualTime } from '../../src/testing/virtual-time.ts'

/** Returns the spec of an agent; the revision distinguishes two specs of the same agent. */
export const specOf = (id: string, revision = 0): AgentSpec => ({
  id,
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: `sk-${id}-key` },
  models: ['gpt-4o'],
  labels: { revision: String(revision) },
})

/** Returns a simulated clock in the form that the store takes. */
export const storeClock = (time: VirtualTime): StoreClock => ({
  setTimeout: (fn, ms) => time.setTimeout(fn, ms),
  clearTimeout: (id) => time.clearTimeout(id as number),
  now: () => time.now(),
})

/** Opens the store of a fleet whose agents are in a folder. */
export const openStore = (
  dataDir: string,
  clock = storeClock(new VirtualTime()),
  options: Partial<FleetOptions> = {},
): Promise<OpenedStore> => openFleetStore(compileFleetOptions({ ...options, dataDir }), clock)
