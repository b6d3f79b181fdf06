import { onTestFinished } from 'vitest'
import { keyOf, type AgentKey } from '../../src/cluster/store/cluster-store.ts'
import { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import type { SentTurn } from '../../src/cluster/turn-facts.ts'
import { endsOf, sentTurn } from './cluster-facts.ts'
import { leaseMs, scriptedHost, type ScriptedHost } from './scripted-host.ts'
import { SteppedClock } from './stepped-clock.ts'

/** Cluster of some hosts in memory, whose time and turns a test drives. */
export async function clusterWorld(
  count: number,
  agents: readonly AgentKey[],
  limits: Parameters<typeof scriptedHost>[3] = {},
) {
  const clock = new SteppedClock()
  const cluster = new MemoryCluster(() => clock.now())
  const caller = cluster.connect()
  const hosts: ScriptedHost[] = []
  const start = (id = `h${hosts.length + 1}`, more = limits): ScriptedHost => {
    const host = scriptedHost({ cluster, clock }, id, agents, more)
    hosts.push(host)
    onTestFinished(() => void host.actor.stop())
    return host
  }
  for (let i = 0; i < count; i++) start()
  await clock.advance(leaseMs)
  const send = async (agent: AgentKey, turnId: string, more: Partial<SentTurn> = {}): Promise<void> => {
    await caller.inbox.add(agent, turnId, { type: 'turn', turn: sentTurn(turnId, more) })
    await clock.advance(5)
  }
  const ownerOf = (agent: AgentKey) =>
    hosts.find(({ owned, state }) => owned.includes(keyOf(agent)) && state.startsWith('member'))
  const owner = (agent: AgentKey): ScriptedHost => {
    const found = ownerOf(agent)
    if (!found) throw new Error(`Nobody owns ${keyOf(agent)}`)
    return found
  }
  const other = (host: ScriptedHost): ScriptedHost => hosts.find((one) => one !== host) ?? host
  const ends = (agent: AgentKey, turnId: string) => endsOf(cluster, agent, turnId)
  const place = (agent: AgentKey) => cluster.places.entry(keyOf(agent))?.value
  /** Turns that run on hosts, of a tenant if one is named. */
  const running = (tenant?: string) =>
    hosts
      .flatMap(({ runner }) => runner.running)
      .filter(({ agent }) => tenant === undefined || agent.tenant === tenant)
  return { clock, cluster, caller, hosts, start, send, owner, ownerOf, other, ends, place, running }
}
