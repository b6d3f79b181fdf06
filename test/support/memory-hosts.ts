import { onTestFinished } from 'vitest'
import { callerOf } from '../../src/cluster/client/caller.ts'
import { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import type { HostRecord } from '../../src/cluster/store/records.ts'
import type { GatewayCluster } from '../../src/gateway/context.ts'

/** Cluster in memory whose hosts and places a test sets, and a gateway's connection to it. */
export class MemoryHosts {
  readonly store = new MemoryCluster()

  /** Connects a gateway, on the host with an id. */
  async connect(hostId: string): Promise<GatewayCluster> {
    const handle = await callerOf(this.store.connect())
    onTestFinished(() => handle.close())
    return { handle, host: { id: hostId } }
  }

  /** Sets the lease of a host. */
  host(id: string, more: Partial<HostRecord> = {}): void {
    const record: HostRecord = {
      ...{ incarnation: `${id}-run`, beat: 1, state: 'up', max: 16, used: 0, opencode: '' },
      ...more,
    }
    this.store.hosts.change(id, record, this.store.hosts.entry(id)?.revision ?? 0)
  }

  /** Gives an agent, named by tenant and id, to a host. */
  place(key: string, hostId: string | null): void {
    const { places } = this.store
    const before = places.entry(key)
    const epoch = (before?.value.epoch ?? 0) + 1
    const incarnation = hostId && `${hostId}-run`
    places.change(key, { epoch, hostId, incarnation, last: null }, before?.revision ?? 0)
  }
}
