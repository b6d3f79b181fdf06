import { waitFor } from 'xstate'
import { clockOf, elapse, type SystemClock } from '../../actors/clock.ts'
import { fleetRuntimeOf, type FleetRuntime } from '../../actors/fleet/fleet-runtime.ts'
import { runtimeOf } from '../../actors/runtime.ts'
import { compileAgent } from '../../config/agent-options.ts'
import { resolveAgent, resolvesLater } from '../../config/compiled-fleet.ts'
import type { CompiledOptions } from '../../config/compiled-options.ts'
import type { AgentSpec, ResolvedAgent } from '../../config/fleet-options.ts'
import { asRuntimeError, OpenCodeRuntimeError, StartTimeoutError, StoppedError } from '../../errors.ts'
import type { RequestedTurn } from '../../machines/context.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { agentRemoved, type FleetContext } from '../../machines/fleet/fleet-context.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'
import { attachHooks } from '../server-machine.ts'
import type { AgentFollower } from './agent-follower.ts'
import type { DeferredTurn } from './deferred-turn.ts'

/** Time limit of the fleet's option `resolve`, in ms. */
const resolveTimeoutMs = 30_000

/** Actors of the servers of a fleet's agents, which are started when they are needed. */
export class AgentServers {
  readonly #fleet: FleetActorRef
  readonly #follower: AgentFollower
  /** Promises of the preparations of ended actors that may not have released the home, by agent. */
  readonly #preparing = new Map<string, Promise<unknown>>()
  /** Ids of the turns that wait for the actor of a server. */
  readonly #deferred = new Set<string>()
  /** Promises of the servers' actors that are being started, by agent. */
  readonly #starting = new Map<string, Promise<void>>()
  /** Specs by the options that were compiled from them. */
  readonly #specs = new WeakMap<CompiledOptions, AgentSpec>()

  constructor(fleet: FleetActorRef, follower: AgentFollower) {
    this.#fleet = fleet
    this.#follower = follower
    // Within a transition of the fleet, the actor is started only after the call of `#start`.
    fleet.on('agent.activated', ({ agentId }) => this.#attach(agentId))
  }

  /** Clock of the fleet's system. */
  get clock(): SystemClock {
    return clockOf(this.#fleet.system)
  }

  /**
   * Calls a function with the actor of an agent's server: at once if possible, else when the actor is there, in the
   * order of the calls.
   *
   * @throws UnknownAgentError, StoppedError or the fleet's error, in the promise, if there is no actor
   */
  async use<T>(id: string, act: (actor: ServerActorRef) => T | Promise<T>): Promise<T> {
    for (;;) {
      const used = this.useAtHand(id, (actor) => ({ value: act(actor) }))
      if (used) return used.value
      await this.#whenStarted(id)
    }
  }

  /** Calls a function with the actor of an agent's server if the actor is there or can be started at once. */
  useAtHand<T>(id: string, act: (actor: ServerActorRef) => T): T | undefined {
    const actor = this.#atHand(id)
    if (!actor) return undefined
    try {
      return act(actor)
    } finally {
      // An actor that was started for nothing ends again.
      const { context, status } = this.#fleet.getSnapshot()
      if (status === 'active' && context.agents.get(id)?.stage === 'new')
        this.#fleet.send({ type: 'agent.release', agentId: id })
    }
  }

  /** Returns whether a turn of any agent that has not ended has an id. */
  isTurnId(turnId: string): boolean {
    return this.#deferred.has(turnId) || this.#follower.isTurnId(turnId)
  }

  /** Keeps the id of a turn until the turn has begun. */
  defer({ id, begun }: Pick<DeferredTurn<unknown>, 'id' | 'begun'>): void {
    this.#deferred.add(id)
    void begun.then(() => this.#deferred.delete(id))
  }

  /** Requests a turn of the fleet directly: its server would pass the request on. */
  request(agentId: string, turn: Omit<RequestedTurn, 'isOperation'>): void {
    this.#fleet.send({ type: 'agent.turnRequested', agentId, turn: { ...turn, isOperation: false } })
  }

  #atHand(id: string): ServerActorRef | undefined {
    if (this.#starting.has(id)) return undefined
    const actor = this.running(id)
    if (actor) return actor
    const spec = this.#runtime.specs.get(id)
    const { status } = this.#fleet.getSnapshot()
    const isOpen = status === 'active' && this.#fleet.getSnapshot().matches('open')
    if (!spec || !isOpen || resolvesLater(this.#runtime.options)) return undefined
    return this.#start(spec, undefined)
  }

  /** Returns the actor of an agent's server; `undefined` for an agent without one. */
  running(id: string): ServerActorRef | undefined {
    const actor = this.#fleet.getSnapshot().children[`server:${id}`] as ServerActorRef | undefined
    const { status, context } = actor?.getSnapshot() ?? {}
    return status === 'active' && context?.isPassivated === false ? actor : undefined
  }

  /** Throws unless the agent is known and the fleet works. */
  check(id: string): void {
    const snapshot = this.#fleet.getSnapshot()
    const { error } = snapshot.context
    if (error) throw error
    const isOpen = snapshot.matches('open') || snapshot.matches('opening')
    // A parent that stops an embedded fleet leaves its last state.
    if (!isOpen || snapshot.status !== 'active') throw new StoppedError('The fleet was closed')
    const { specs, faults } = this.#runtime
    if (snapshot.matches('opening') || specs.has(id)) return
    throw faults.get(id) ?? unknownAgent(id, specs.keys())
  }

  async #whenStarted(id: string): Promise<void> {
    const before = this.#starting.get(id)
    // All callers wait for one promise, so that they go on in the order of their calls.
    const starting = before ?? this.#startLater(id).finally(() => this.#starting.delete(id))
    this.#starting.set(id, starting)
    await starting
  }

  async #startLater(id: string): Promise<void> {
    await opened(this.#fleet)
    this.check(id)
    for (;;) {
      const spec = this.#runtime.specs.get(id)
      if (!spec) throw unknownAgent(id, this.#runtime.specs.keys())
      const resolved = await this.#resolveWhileKnown(spec)
      this.check(id)
      // The spec may have changed meanwhile.
      if (this.running(id)) return
      if (this.#runtime.specs.get(id) !== spec) continue
      if (this.#start(spec, resolved)) return
      // The fleet is in the middle of a transition, or the removed agent's server still ends.
      await nextChange(this.#fleet)
    }
  }

  /** Asks the option `resolve`; throws as soon as the agent is removed or the fleet is closed. */
  async #resolveWhileKnown(spec: AgentSpec): Promise<ResolvedAgent | undefined> {
    if (!resolvesLater(this.#runtime.options)) return undefined
    const done = new AbortController()
    const left = waitFor(
      this.#fleet,
      ({ context, value }) => value !== 'open' || isLeaving(context, spec.id),
      {
        signal: done.signal,
      },
    )
    const end = (): never => {
      if (!this.#fleet.getSnapshot().matches('open')) this.check(spec.id)
      throw new StoppedError(agentRemoved.error)
    }
    const ended = left.then(end, end)
    try {
      return await Promise.race([this.resolve(spec), ended])
    } finally {
      ended.catch(() => undefined)
      done.abort()
    }
  }

  /**
   * Asks the option `resolve` of the fleet for options of an agent.
   *
   * @throws StartTimeoutError without an answer in time, or the error of `resolve`
   */
  async resolve(spec: AgentSpec): Promise<ResolvedAgent | undefined> {
    if (!resolvesLater(this.#runtime.options)) return undefined
    const done = new AbortController()
    const late = elapse(this.clock, resolveTimeoutMs, done.signal).then(() => {
      throw new StartTimeoutError(
        `The option resolve of the fleet did not answer for the agent ${spec.id} within ${resolveTimeoutMs} ms`,
      )
    })
    try {
      return await Promise.race([resolveAgent(this.#runtime.options, spec), late])
    } catch (error) {
      if (error instanceof OpenCodeRuntimeError) throw error
      throw asRuntimeError(error, `The option resolve of the fleet failed for the agent ${spec.id}`)
    } finally {
      late.catch(() => undefined)
      done.abort()
    }
  }

  #start(spec: AgentSpec, resolved: ResolvedAgent | undefined): ServerActorRef | undefined {
    const options = this.compile(spec, resolved)
    this.#fleet.send({ type: 'agent.activate', agentId: spec.id, options })
    return this.running(spec.id)
  }

  /** Follows the new actor of an agent's server. */
  #attach(id: string): void {
    const actor = this.running(id)
    if (!actor) return
    const { context } = actor.getSnapshot()
    const runtime = runtimeOf(context.runtime)
    runtime.preparing = this.#preparing.get(id)
    runtime.lifeline = this.#runtime.lifeline
    actor.subscribe({ complete: () => this.#notePreparing(id, runtime.preparing) })
    attachHooks(runtime, context.options, actor)
    this.#follower.follow(id, actor, runtime)
  }

  /** Keeps the preparation of an ended actor, which holds the home until it settles: the next one waits for it. */
  #notePreparing(id: string, preparing: Promise<unknown> | undefined): void {
    if (!preparing) return
    this.#preparing.set(id, preparing)
    void preparing.then(() => {
      if (this.#preparing.get(id) === preparing) this.#preparing.delete(id)
    })
  }

  /** Returns the options of an agent's server, as `compileAgent` does, and notes their spec. */
  compile(spec: AgentSpec, resolved: ResolvedAgent | undefined, before?: CompiledOptions): CompiledOptions {
    const { options: fleet, webhooks } = this.#runtime
    const options = compileAgent(fleet, spec, resolved, before, webhooks.toolOf)
    this.#specs.set(options, spec)
    return options
  }

  /** Returns the spec that an agent's server uses; `undefined` without a server, or if it is about to use another one. */
  specInUse(id: string): AgentSpec | undefined {
    const { options, pending } = this.running(id)?.getSnapshot().context ?? {}
    return options && !pending ? this.#specs.get(options) : undefined
  }

  get #runtime(): FleetRuntime {
    return fleetRuntimeOf(this.#fleet.getSnapshot().context.runtime)
  }
}

/** Returns whether an agent is unknown, or is being removed. */
function isLeaving({ agents }: FleetContext, id: string): boolean {
  const agent = agents.get(id)
  return !agent || agent.leaving !== undefined
}

/** Resolves when the records of the fleet are known, or rejects with the reason why they cannot be used. */
export async function opened(fleet: FleetActorRef): Promise<void> {
  if (fleet.getSnapshot().status === 'active')
    await waitFor(fleet, (snapshot) => !snapshot.matches('opening')).catch(() => undefined)
  const { error } = fleet.getSnapshot().context
  if (error) throw error
}

/** Resolves at the next transition of the fleet, or at its end. */
export function nextChange(fleet: FleetActorRef): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      subscription.unsubscribe()
      resolve()
    }
    const subscription = fleet.subscribe({ next: end, complete: () => resolve(), error: () => resolve() })
  })
}
