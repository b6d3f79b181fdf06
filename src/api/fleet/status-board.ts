import { Observable, Subject } from 'rxjs'
import { clockOf } from '../../actors/clock.ts'
import { fleetRuntimeOf } from '../../actors/fleet/fleet-runtime.ts'
import { tenantOptions } from '../../config/compiled-fleet.ts'
import type { OpenCodeRuntimeError } from '../../errors.ts'
import type { FleetAgent } from '../../machines/fleet/agent-table.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import { usedMb } from '../../machines/fleet/schedule.ts'
import type { AgentFollower } from './agent-follower.ts'
import type { AgentStatus, FleetStatus } from './types.ts'

/** Minimum interval between two statuses, in ms. */
const intervalMs = 100

/** Status of a fleet, which is kept up to date agent by agent, so that an unchanged agent costs nothing. */
export class StatusBoard {
  readonly #fleet: FleetActorRef
  readonly #follower: AgentFollower
  readonly #agents = new Map<string, AgentStatus>()
  /** Statuses of the agents whose records cannot be used, by the error of the record. */
  readonly #faults = new WeakMap<OpenCodeRuntimeError, AgentStatus>()
  readonly #stale = new Set<string>()
  readonly #ticks = new Subject<FleetStatus>()
  #last: FleetStatus | undefined
  #timer: unknown

  constructor(fleet: FleetActorRef, follower: AgentFollower) {
    this.#fleet = fleet
    this.#follower = follower
    follower.changed$.subscribe((id) => this.#invalidate(id))
  }

  /** Status now. The object stays the same while nothing changes. */
  get status(): FleetStatus {
    this.#refresh()
    this.#last ??= this.#build()
    return this.#last
  }

  /** The present status at once, then a status after changes, at most 10 a second. */
  get status$(): Observable<FleetStatus> {
    return new Observable((subscriber) => {
      subscriber.next(this.status)
      return this.#ticks.subscribe(subscriber)
    })
  }

  /** Returns the status of an agent; `undefined` for an unknown one. */
  statusOf(id: string): AgentStatus | undefined {
    this.#stale.add(id)
    this.#refresh()
    return this.#agents.get(id) ?? this.#faulty().find((agent) => agent.id === id)
  }

  /** Takes over agents that the records declare. */
  addAll(ids: Iterable<string>): void {
    for (const id of ids) this.#invalidate(id)
  }

  /** Writes the last status, and completes the observables. */
  complete(): void {
    clockOf(this.#fleet.system).clearTimeout(this.#timer)
    this.#tick()
    this.#ticks.complete()
  }

  #invalidate(id: string): void {
    this.#stale.add(id)
    // An agent whose record cannot be used has a status of another source.
    if (!this.#agents.has(id)) this.#last = undefined
    this.#timer ??= clockOf(this.#fleet.system).setTimeout(() => this.#tick(), intervalMs)
  }

  #tick(): void {
    this.#timer = undefined
    const { status } = this
    fleetRuntimeOf(this.#fleet.getSnapshot().context.runtime).store?.writeStatus(status)
    this.#ticks.next(status)
  }

  /** Brings the status of changed agents up to date; the memory of agents with a server changes without an event. */
  #refresh(): void {
    const { agents } = this.#fleet.getSnapshot().context
    for (const { id } of agents.placed) this.#stale.add(id)
    for (const id of this.#stale) {
      const agent = agents.get(id)
      const before = this.#agents.get(id)
      const next = agent && this.#readStatus(agent)
      if (next && before && isSame(before, next)) continue
      if (!next && !before) continue
      if (next) this.#agents.set(id, next)
      else this.#agents.delete(id)
      this.#last = undefined
    }
    this.#stale.clear()
  }

  #readStatus({ id, tenant, maxRunningTurns, residentMb, lastUsedAt }: FleetAgent): AgentStatus {
    const { lifecycle, restartsBefore = 0, openRequests = 0 } = this.#follower.agent(id) ?? {}
    const { queue } = this.#fleet.getSnapshot().context
    const { state = 'idle', reason, error, restarts = 0 } = lifecycle ?? {}
    return {
      id,
      tenant,
      state,
      ...(reason !== undefined && { reason }),
      restarts: restartsBefore + restarts,
      turns: { ...queue.loadOfAgent(id), max: maxRunningTurns },
      ...(residentMb !== undefined && { memoryMb: residentMb }),
      openRequests,
      ...(lastUsedAt !== undefined && { lastUsedAt }),
      ...(error && { error: { code: error.code, message: error.message } }),
    }
  }

  /** Status of the agents whose records cannot be used. */
  #faulty(): AgentStatus[] {
    const { faults } = fleetRuntimeOf(this.#fleet.getSnapshot().context.runtime)
    return [...faults].map(([id, error]) => {
      const status = this.#faults.get(error) ?? faultyStatus(id, error)
      this.#faults.set(error, status)
      return status
    })
  }

  #build(): FleetStatus {
    const { agents, queue, options } = this.#fleet.getSnapshot().context
    const { limits } = options.values
    const starting = agents.placed.filter(({ stage }) => stage === 'starting').length
    const tenants = [...new Set([...this.#agents.values()].map(({ tenant }) => tenant))]
    return {
      at: Date.now(),
      servers: { running: agents.placed.length - starting, starting, max: limits.maxServers },
      turns: { ...queue.load },
      memory: { usedMb: usedMb(agents.placed), budgetMb: limits.memoryMb },
      agents: [...this.#agents.values(), ...this.#faulty()],
      tenants: Object.fromEntries(
        tenants.map((name) => [
          name,
          { weight: tenantOptions(options, name).weight, turns: { ...queue.loadOf(name) } },
        ]),
      ),
    }
  }
}

/** Reason of the state of an agent whose record cannot be used. */
export const recordUnusable = 'the record cannot be used'

const faultyStatus = (id: string, { code, message }: OpenCodeRuntimeError): AgentStatus => ({
  id,
  tenant: '',
  state: 'failed',
  reason: recordUnusable,
  restarts: 0,
  turns: { running: 0, queued: 0, max: 0 },
  openRequests: 0,
  error: { code, message },
})

/** Returns whether two statuses of an agent are equal. */
function isSame(a: AgentStatus, b: AgentStatus): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof AgentStatus>
  return [...names].every((name) => {
    if (name === 'turns')
      return (
        a.turns.running === b.turns.running &&
        a.turns.queued === b.turns.queued &&
        a.turns.max === b.turns.max
      )
    if (name === 'error') return a.error?.code === b.error?.code && a.error?.message === b.error?.message
    return a[name] === b[name]
  })
}
