import { onTestFinished } from 'vitest'
import type { SystemClock } from '../../src/actors/clock.ts'
import type { Turn } from '../../src/api/turn-handle.ts'
import { callerOf } from '../../src/cluster/client/caller.ts'
import type { Cluster } from '../../src/cluster/client/cluster.ts'
import type { ContextKeys } from '../../src/cluster/context-seal.ts'
import type { AgentKey, StoredBatch } from '../../src/cluster/store/cluster-store.ts'
import { MemoryCluster, type MemoryStore } from '../../src/cluster/store/memory/memory-store.ts'
import type { Reply, TerminalReply } from '../../src/replies.ts'
import { scriptedHost, type ScriptedHost } from './scripted-host.ts'
import type { ScriptedTurn } from './scripted-agents.ts'
import { SteppedClock } from './stepped-clock.ts'

/** Agents of the cluster of a test. */
export const callerAgents: readonly AgentKey[] = ['a1', 'a2'].map((agentId) => ({ tenant: 'acme', agentId }))

/** Time beyond a turn's limit in which a host may end the turn, in ms. */
export const graceMs = 2_000

/** Caller with its connection, which a test may cut. */
export interface TestCaller {
  readonly cluster: Cluster
  readonly store: MemoryStore
}

/** Cluster in memory with one host, whose turns a test drives by hand, and callers. */
export class CallerWorld {
  readonly clock = new SteppedClock()
  readonly memory = new MemoryCluster(() => this.clock.now())
  readonly host: ScriptedHost

  private constructor(contexts: ContextKeys | undefined) {
    this.host = this.startHost('h1', contexts)
  }

  static async start(contexts?: ContextKeys): Promise<CallerWorld> {
    const world = new CallerWorld(contexts)
    await world.clock.advance(100)
    return world
  }

  startHost(id: string, contexts?: ContextKeys): ScriptedHost {
    const { memory: cluster, clock } = this
    const host = scriptedHost({ cluster, clock }, id, callerAgents, contexts && { contexts })
    onTestFinished(() => void host.actor.stop())
    return host
  }

  async connect(store: MemoryStore = this.memory.connect()): Promise<TestCaller> {
    const connecting = callerOf(store, { clock: this.clock as SystemClock, graceMs })
    await this.clock.advance()
    const cluster = await connecting
    onTestFinished(() => cluster.close())
    return { cluster, store }
  }

  /** Returns the turn of the host with an id, when the host runs it. */
  async running(turn: Turn, host: ScriptedHost = this.host): Promise<ScriptedTurn> {
    for (let i = 0; i < 100; i++) {
      const found = host.runner.turns.find(({ input }) => input.turnId === turn.id)
      if (found) return found
      await this.clock.advance(50)
    }
    throw new Error(`The host does not run ${turn.id}`)
  }
}

/** Collects the replies of a turn, and its ends. */
export function collect(turn: Turn): { replies: Reply[]; ends: TerminalReply[] } {
  const seen = { replies: [] as Reply[], ends: [] as TerminalReply[] }
  turn.replies$.subscribe((reply) => seen.replies.push(reply))
  void turn.done.then((reply) => seen.ends.push(reply))
  return seen
}

/** Text of the deltas among replies. */
export const textOf = (replies: readonly Reply[]): string =>
  replies.flatMap((reply) => (reply.kind === 'delta' ? [reply.content] : [])).join('')

/** Makes what a store emits of turns worse: the function gets each batch, and emits what it likes. */
export function disturb(
  store: MemoryStore,
  pass: (batch: StoredBatch, emit: (batch: StoredBatch) => void) => void,
): void {
  const { records } = store
  const watch = records.watch.bind(records)
  records.watch = (agent, turnId, listener, signal) =>
    watch(agent, turnId, (batch) => pass(batch, listener), signal)
}
