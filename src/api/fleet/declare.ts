import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { waitFor } from 'xstate'
import { fleetRuntimeOf, type FleetRuntime } from '../../actors/fleet/fleet-runtime.ts'
import { agentLimits, changesServer, isSameAgent } from '../../config/agent-options.ts'
import { validateSpecs } from '../../config/agent-spec.ts'
import { homeOf } from '../../config/compiled-fleet.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { StoppedError, type OpenCodeRuntimeError } from '../../errors.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import { replaceOptions } from '../reconfigure.ts'
import { opened, type AgentServers } from './agent-servers.ts'

/** Result of `apply`: the ids of the agents, by what was done. */
export interface ApplyResult {
  added: string[]
  changed: string[]
  unchanged: string[]
  removed: string[]
}

/** Change of the agents of a fleet. */
export interface Revision {
  put: readonly AgentSpec[]
  /** Ids of agents that are removed; none of them is in `put`. */
  remove?: string[]
  /** Time for running turns of removed agents to finish, in ms; 0 if absent. */
  drainMs?: number
}

/** Returns the change that the present agents need. An error changes nothing. */
export type Revise = (kept: ReadonlyMap<string, AgentSpec>, faulty: readonly string[]) => Revision

/** Options of the removal of an agent. */
export interface RemoveOptions {
  /**
   * Time for running turns to finish, in ms.
   *
   * @defaultValue `0`
   */
  drainMs?: number
  /**
   * True to delete the agent's home, with its sessions; in a cluster, on all hosts, and the saved one.
   *
   * @defaultValue `false`
   */
  deleteHome?: boolean
}

/** Declares the agents of a fleet: keeps their specs durably, and brings running servers in line. */
export class Declarations {
  readonly #fleet: FleetActorRef
  readonly #servers: AgentServers
  /** Promises of the last change of each agent; the changes of an agent run one after another. */
  readonly #last = new Map<string, Promise<unknown>>()
  /** Promise of the last change that concerns all agents. */
  #lastOfAll: Promise<unknown> = Promise.resolve()

  constructor(fleet: FleetActorRef, servers: AgentServers) {
    this.#fleet = fleet
    this.#servers = servers
  }

  /** Declares agents, and removes those not named if `prune` is true. */
  async apply(specs: readonly AgentSpec[], prune: boolean): Promise<ApplyResult> {
    const valid = validateSpecs(this.#fleet.getSnapshot().context.options, specs)
    const named = new Set(valid.map(({ id }) => id))
    return this.#inOrder(prune ? undefined : [...named], () => {
      const { specs: kept, faults } = this.#runtime
      const removed = prune ? [...kept.keys(), ...faults.keys()].filter((id) => !named.has(id)) : []
      return this.#apply(valid, removed)
    })
  }

  /**
   * Declares and removes agents as a function of the kept specs, and of the ids of agents with faulty records, says. No
   * other change of these agents comes between.
   *
   * @param ids - the agents of which the function may change some; all if absent
   */
  async revise(ids: readonly string[] | undefined, change: Revise): Promise<ApplyResult> {
    return this.#inOrder(ids, async () => {
      const { specs, faults, options } = this.#runtime
      const { put, remove = [], drainMs } = change(specs, [...faults.keys()])
      return this.#apply(validateSpecs(options, put), remove, drainMs)
    })
  }

  /** Changes the spec of one agent. Resolves when a running server is healthy with the changed spec. */
  async change(id: string, change: (before: AgentSpec) => AgentSpec): Promise<void> {
    const spec = await this.#inOrder([id], async () => {
      const { specs, faults, options } = this.#runtime
      const before = specs.get(id)
      if (!before) throw faults.get(id) ?? unknownAgent(id, specs.keys())
      const [valid = before] = validateSpecs(options, [change(before)])
      if (isSameAgent(options, before, valid)) return before
      await this.#keep({ put: [valid] }, 0)
      return valid
    })
    await this.rollOut(spec)
  }

  /**
   * Removes an agent. Resolves when its server has ended. An agent that is declared again meanwhile waits for the end of its
   * home, so that it never loses a new one.
   */
  async remove(id: string, { drainMs, deleteHome }: Required<RemoveOptions>): Promise<void> {
    await this.#inOrder([id], async () => {
      if (!this.#runtime.specs.has(id) && !this.#runtime.faults.has(id))
        throw unknownAgent(id, this.#runtime.specs.keys())
      await this.#keep({ remove: [id] }, drainMs, deleteHome)
      if (deleteHome) await this.#deleteHome(id)
    })
    await this.#gone(id)
  }

  /**
   * Deletes the home of an agent that may be declared, when its server has ended.
   *
   * @param keeps - returns whether the agent stays declared
   */
  async renewHome(id: string, drainMs: number, keeps: () => boolean): Promise<void> {
    await this.#inOrder([id], async () => {
      const spec = this.#runtime.specs.get(id)
      const isKept = keeps()
      if (isKept && !existsSync(homeOf(this.#runtime.options, id))) return
      if (spec) await this.#keep({ remove: [id] }, drainMs)
      try {
        await this.#deleteHome(id)
      } finally {
        if (spec && isKept) await this.#keep({ put: [spec] }, 0)
      }
    })
  }

  async #deleteHome(id: string): Promise<void> {
    await this.#gone(id)
    await rm(homeOf(this.#runtime.options, id), { recursive: true, force: true, maxRetries: 5 })
  }

  /**
   * Runs a change after the earlier changes of the same agents; of all agents if no ids are given. A change that waits for
   * the end of a server keeps no change of another agent back.
   */
  #inOrder<T>(ids: readonly string[] | undefined, change: () => Promise<T>): Promise<T> {
    const before = ids?.map((id) => this.#last.get(id)) ?? [...this.#last.values()]
    const result = Promise.all([this.#lastOfAll, ...before]).then(async () => {
      await opened(this.#fleet)
      return change()
    })
    const settled = result.catch(() => undefined)
    if (ids) this.#noteLast(ids, settled)
    else this.#lastOfAll = settled
    return result
  }

  #noteLast(ids: readonly string[], settled: Promise<unknown>): void {
    for (const id of ids) this.#last.set(id, settled)
    void settled.then(() => {
      for (const id of ids) if (this.#last.get(id) === settled) this.#last.delete(id)
    })
  }

  async #apply(specs: readonly AgentSpec[], removed: string[], drainMs = 0): Promise<ApplyResult> {
    const { specs: known, options } = this.#runtime
    const added = specs.filter(({ id }) => !known.has(id))
    const kept = specs.filter(({ id }) => known.has(id))
    const isSame = (spec: AgentSpec): boolean => isSameAgent(options, known.get(spec.id) ?? spec, spec)
    // Compared before the records change.
    const unchanged = new Set(kept.filter(isSame))
    const changed = kept.filter((spec) => !unchanged.has(spec))
    const rollouts = changed.filter((spec) => changesServer(options, known.get(spec.id) ?? spec, spec))
    for (const { id } of added) await this.#gone(id)
    await this.#keep({ put: [...added, ...changed], remove: removed }, drainMs)
    for (const spec of rollouts) this.#rollOut(spec)
    const ids = (list: readonly AgentSpec[]): string[] => list.map(({ id }) => id)
    return { added: ids(added), changed: ids(changed), unchanged: ids([...unchanged]), removed }
  }

  /** Makes a change durable, then tells the machine about it: only about what the disk has. */
  async #keep(
    { put = [], remove = [] }: { put?: readonly AgentSpec[]; remove?: readonly string[] },
    drainMs: number,
    deletesHome = false,
  ): Promise<void> {
    const { store, specs, faults, options } = this.#runtime
    const { status, value } = this.#fleet.getSnapshot()
    if (!store || status !== 'active' || value !== 'open') throw new StoppedError('The fleet was closed')
    const { done, error } = await store.change({ put, remove })
    const durable = new Set(done)
    const stored = put.filter(({ id }) => durable.has(id))
    for (const spec of stored) specs.set(spec.id, spec)
    for (const id of done) faults.delete(id)
    if (stored.length > 0)
      this.#send({
        type: 'agents.put',
        agents: stored.map((spec) => ({ id: spec.id, ...agentLimits(options, spec) })),
      })
    for (const agentId of remove)
      if (durable.has(agentId)) {
        specs.delete(agentId)
        this.#send({ type: 'agent.remove', agentId, drainMs, ...(deletesHome && { deletesHome }) })
      }
    if (error) throw error
  }

  #send(event: Parameters<FleetActorRef['send']>[0]): void {
    if (this.#fleet.getSnapshot().status === 'active') this.#fleet.send(event)
  }

  /**
   * Gives a running server its new options: the server drains and restarts with them, and returns to the old ones if
   * it does not become healthy. A server that starts later reads the spec anyway.
   */
  #rollOut(spec: AgentSpec): void {
    this.rollOut(spec).catch((error: unknown) => {
      const { message: text } = error as OpenCodeRuntimeError
      const secrets = this.#servers.running(spec.id)?.getSnapshot().context.options.secrets
      const message = secrets?.mask(text) ?? text
      const tenant = this.#fleet.getSnapshot().context.agents.get(spec.id)?.tenant ?? ''
      this.#runtime.warn(`The new options of the agent are not in use: ${message}`, {
        agentId: spec.id,
        tenant,
      })
    })
  }

  /** Resolves when an agent's running server is healthy with the options of a spec. */
  async rollOut(spec: AgentSpec): Promise<void> {
    const { options } = this.#runtime
    const used = this.#servers.specInUse(spec.id)
    if (!this.#servers.running(spec.id) || (used && !changesServer(options, used, spec))) return
    const resolved = await this.#servers.resolve(spec)
    const actor = this.#servers.running(spec.id)
    // A later change has a rollout of its own.
    if (!actor || this.#runtime.specs.get(spec.id) !== spec) return
    await replaceOptions(actor, (before) => this.#servers.compile(spec, resolved, before))
  }

  /** Resolves when the server of an agent that is being removed has ended. */
  async #gone(id: string): Promise<void> {
    const isGone = (): boolean => {
      const { leaving, stage } = this.#fleet.getSnapshot().context.agents.get(id) ?? {}
      return leaving === undefined || stage === 'cold'
    }
    if (isGone() || this.#fleet.getSnapshot().status !== 'active') return
    await waitFor(this.#fleet, isGone).catch(() => undefined)
  }

  get #runtime(): FleetRuntime {
    return fleetRuntimeOf(this.#fleet.getSnapshot().context.runtime)
  }
}
