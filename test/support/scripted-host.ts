import { createActor } from 'xstate'
import { HostHandle, HostRuntime } from '../../src/cluster/actors/host-runtime.ts'
import type { ContextKeys } from '../../src/cluster/context-seal.ts'
import { unsavedHomes, type Homes } from '../../src/cluster/homes.ts'
import { hostMachine } from '../../src/cluster/machines/host-machine.ts'
import { keyOf, type AgentKey } from '../../src/cluster/store/cluster-store.ts'
import type { MemoryCluster } from '../../src/cluster/store/memory/memory-store.ts'
import { ScriptedAgents, type ScriptedLimits } from './scripted-agents.ts'
import type { SteppedClock } from './stepped-clock.ts'

/** Lease of the hosts of tests, in ms. */
export const leaseMs = 3_000

/** Clock of one host: stops while the host is paused, and then calls at once what was due. */
export class HostClock {
  isPaused = false
  readonly #clock: SteppedClock
  /** Timers that were due during the pause. */
  readonly #due = new Map<number, () => void>()
  readonly #pending = new Set<number>()

  constructor(clock: SteppedClock) {
    this.#clock = clock
  }

  readonly setTimeout = (fn: () => void, ms: number): number => {
    const id = this.#clock.setTimeout(() => {
      if (this.isPaused) this.#due.set(id, fn)
      else this.#fire(id, fn)
    }, ms)
    this.#pending.add(id)
    return id
  }

  readonly clearTimeout = (id: number): void => {
    this.#due.delete(id)
    this.#pending.delete(id)
    this.#clock.clearTimeout(id)
  }

  readonly now = (): number => this.#clock.now()

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#pending.size
  }

  /** Continues after a pause. */
  resume(): void {
    this.isPaused = false
    for (const [id, fn] of this.#due) if (this.#due.delete(id)) this.#fire(id, fn)
  }

  #fire(id: number, fn: () => void): void {
    this.#pending.delete(id)
    fn()
  }
}

/** Starts a host whose turns a test drives by hand. */
export function scriptedHost(
  { cluster, clock }: { cluster: MemoryCluster; clock: SteppedClock },
  id: string,
  agents: readonly AgentKey[],
  limits: ScriptedLimits & {
    idleMs?: number
    rebalances?: boolean
    homes?: Homes
    contexts?: ContextKeys
  } = {},
) {
  const store = cluster.connect()
  const runner = new ScriptedAgents(agents, limits)
  for (const agent of agents)
    if (!cluster.agents.entry(keyOf(agent)))
      cluster.agents.change(keyOf(agent), { id: agent.agentId, tenant: agent.tenant }, 0)
  const { homes = unsavedHomes, contexts } = limits
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const runtime = new HostRuntime({ store, runner, homes, contexts, warn }, () => clock.now())
  const hostClock = new HostClock(clock)
  const actor = createActor(hostMachine, {
    clock: hostClock,
    input: {
      runtime: new HostHandle(runtime),
      hostId: id,
      leaseMs,
      maxAgents: runner.maxAgents,
      idleMs: limits.idleMs ?? 600_000,
      rebalances: limits.rebalances ?? false,
    },
  })
  actor.start()
  return {
    id,
    actor,
    runner,
    store,
    /** Lines that the host has logged. */
    warnings,
    clock: hostClock,
    link: store.link,
    get value() {
      return actor.getSnapshot().value
    },
    get state(): string {
      const { value } = actor.getSnapshot()
      return JSON.stringify(value).replaceAll(/["{}]/g, '').replaceAll(':', '.')
    },
    get owned(): string[] {
      return [...actor.getSnapshot().context.placements.keys()]
    },
    drain: (drainMs = 10_000): void => actor.send({ type: 'host.drain', drainMs }),
  }
}

/** Host of a test. */
export type ScriptedHost = ReturnType<typeof scriptedHost>
