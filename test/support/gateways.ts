import { onTestFinished } from 'vitest'
import { callerOf } from '../../src/cluster/client/caller.ts'
import type { ClusterHost } from '../../src/cluster/cluster-host.ts'
import { joinOn } from '../../src/cluster/join-cluster.ts'
import { MemoryCluster, type MemoryStore } from '../../src/cluster/store/memory/memory-store.ts'
import type { AgentSpec } from '../../src/index.ts'
import { fakeGateway, type FakeGatewayOptions } from './gateway.ts'

/** Lease of the hosts, in ms. */
const leaseMs = 1_500

/** Host of a cluster with its gateway. */
export type GatewayHost = Awaited<ReturnType<GatewayHosts['start']>>

/** Hosts of a cluster in memory, each a fleet on a fake opencode, and a gateway of its own. */
export class GatewayHosts {
  readonly memory = new MemoryCluster()

  /** Starts a host, which ends with the test. */
  async start(hostId: string, options: FakeGatewayOptions & { agents?: readonly AgentSpec[] } = {}) {
    const hostStore = this.memory.connect()
    const store = this.memory.connect()
    let host: ClusterHost | undefined
    const cluster = await callerOf(store)
    const served = await fakeGateway({
      ...options,
      join: async (fleet) => {
        await fleet.apply(options.agents ?? [])
        const joined = await joinOn(() => Promise.resolve(hostStore), {
          ...{ fleet, hostId, leaseMs, homes: { save: 'never' } },
          ...{ contextKeys: [], resolveKey: undefined },
        })
        // Ends after the gateway, and before the fleet.
        onTestFinished(async () => {
          hostStore.link.mend()
          await joined.close()
          await cluster.close()
        })
        host = joined
        return { cluster, host }
      },
    })
    if (!host) throw new Error('The host has not joined')
    return { ...served, hostId, hostStore, store, host }
  }

  /** Cuts a host with its gateway off. */
  static cut({ hostStore, store }: { hostStore: MemoryStore; store: MemoryStore }): void {
    hostStore.link.cut()
    store.link.cut()
  }
}
