import { onTestFinished } from 'vitest'
import { callerOf } from '../../src/cluster/client/caller.ts'
import { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import type { HostRecord } from '../../src/cluster/store/records.ts'
import type { AgentStatus } from '../../src/index.ts'
import { reportOf } from './reports.ts'
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

  /** Sends the first report of a host, on the states of its agents. */
  report(hostId: string, ...agents: AgentStatus[]): void {
    const sum = (of: (agent: AgentStatus) => number): number =>
      agents.reduce((total, agent) => total + of(agent), 0)
    const totals = {
      servers: { running: sum(({ state }) => Number(state === 'healthy')), starting: 0, max: 16 },
      turns: { running: sum(({ turns }) => turns.running), queued: 0, max: 16 },
      memory: { usedMb: sum(({ memoryMb = 0 }) => memoryMb), budgetMb: 18_000 },
      tenants: {},
    }
    const all = agents.map((value) => ({ epoch: 1, value }))
    this.store.connect().reports.send(hostId, reportOf({ isWhole: true, agents: all, totals }))
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
