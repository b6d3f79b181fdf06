import { concat, defer, of, type Observable } from 'rxjs'
import { createActor, waitFor } from 'xstate'
import { FleetHandle, fleetRuntimeOf } from '../../actors/fleet/fleet-runtime.ts'
import { runtimeOf } from '../../actors/runtime.ts'
import { isAgentId } from '../../config/agent-spec.ts'
import { compileFleetOptions } from '../../config/compiled-fleet.ts'
import { applySchema, removeSchema } from '../../config/fleet-schema.ts'
import type { AgentSpec, FleetOptions } from '../../config/fleet-options.ts'
import { stopSchema } from '../../config/option-schema.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { parse } from '../../config/validation.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import type { PendingRequest, Reply, RequestAnswer } from '../../replies.ts'
import { coldTurn } from '../cold-turn.ts'
import type { ActorSystemOptions } from '../server.ts'
import type { StopOptions } from '../stop-server.ts'
import type { Turn } from '../turn-handle.ts'
import type { TurnInput } from '../turn-input.ts'
import { AgentFollower } from './agent-follower.ts'
import { AgentServers, opened } from './agent-servers.ts'
import { Declarations, type ApplyResult, type RemoveOptions } from './declare.ts'
import { AgentHandle, type FleetAgent, type FleetParts } from './fleet-agent.ts'
import { fleetMachine } from './fleet-machine.ts'
import { accessToAgent } from './agent-access.ts'
import { StatusBoard } from './status-board.ts'
import type { FleetEvent, FleetStatus } from './types.ts'

/** Actor of an embedded fleet, in the place of options. */
class EmbeddedFleet {
  readonly actor: FleetActorRef

  constructor(actor: FleetActorRef) {
    this.actor = actor
  }
}

/** Fleets by the actors of their machines: two fleets of one actor would each see only the servers that they started. */
const fleets = new WeakMap<FleetActorRef, Fleet>()

let partsOf: (fleet: Fleet) => FleetParts

/** Options of `apply`. */
export interface ApplyOptions {
  /**
   * True to remove the agents that are not named.
   *
   * @defaultValue `false`
   */
  prune?: boolean
}

/**
 * Many agents on one host, under one budget of servers, memory and turns. An agent has a server only while it is used.
 *
 * @example
 * import { Fleet } from 'opencode-runtime'
 *
 * await using fleet = new Fleet({
 *   dataDir: '/srv/agents',
 *   defaults: { proxy: { baseURL: 'http://127.0.0.1:4000/v1' }, models: ['gpt-4o'] },
 *   limits: { maxServers: 10 },
 * })
 * await fleet.apply([{ id: 'a1', proxy: { apiKey: process.env['AGENT_KEY'] ?? '' } }])
 * const turn = fleet.turn('a1', 'Say hello')
 * console.log(await turn.text())
 */
export class Fleet implements AsyncDisposable {
  readonly #actor: FleetActorRef
  readonly #parts: FleetParts
  #closing: Promise<void> | undefined

  /**
   * Creates a fleet; starts no server.
   *
   * @param options - The options of the fleet, and the clock and inspector of its actor system.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) synchronously, for a bad option.
   */
  constructor(options: FleetOptions & ActorSystemOptions) {
    this.#actor = options instanceof EmbeddedFleet ? options.actor : startFleet(options)
    fleets.set(this.#actor, this)
    const follower = new AgentFollower(this.#actor)
    const servers = new AgentServers(this.#actor, follower)
    this.#parts = {
      fleet: this.#actor,
      servers,
      follower,
      declarations: new Declarations(this.#actor, servers),
      board: new StatusBoard(this.#actor, follower),
      accessOf: (id) => accessToAgent(id, servers, follower),
    }
    this.ready.then(
      () => this.#parts.board.addAll(fleetRuntimeOf(this.#actor.getSnapshot().context.runtime).specs.keys()),
      () => undefined,
    )
    const end = (): void => {
      follower.complete()
      this.#parts.board.complete()
    }
    this.#actor.subscribe({ complete: end, error: end })
  }

  /**
   * Resolves when the agents kept in `dataDir` are known. Every other member waits for this.
   * Rejects with a HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another fleet has the `dataDir`.
   */
  get ready(): Promise<void> {
    const ready = opened(this.#actor)
    // A host that does not read the promise must not crash.
    ready.catch(() => undefined)
    return ready
  }

  /** Actor of `fleetMachine`, for embedding, inspection and events. */
  get actor(): FleetActorRef {
    return this.#actor
  }

  /** Status of the fleet now. */
  get status(): FleetStatus {
    return this.#parts.board.status
  }

  /**
   * Status of the fleet: the present one at once, then changes, at most 10 a second. The object of an agent stays the
   * same while nothing of the agent changes. Completes with the fleet.
   */
  get status$(): Observable<FleetStatus> {
    return this.#parts.board.status$
  }

  /** Events of all agents as they happen. Completes with the fleet. */
  get events$(): Observable<FleetEvent> {
    return this.#parts.follower.events.asObservable()
  }

  /** Requests of all agents that wait for an answer, the oldest first; a new list each time. */
  get requests(): PendingRequest[] {
    return this.#parts.follower.requests
  }

  /** List of the requests that wait: the present list at once, then each change. Completes with the fleet. */
  get requests$(): Observable<PendingRequest[]> {
    const { follower } = this.#parts
    return concat(
      defer(() => of(follower.requests)),
      follower.requests$,
    )
  }

  /**
   * Declares agents. Resolves when their records are durable; the restarts that follow are reported by `events$`. To
   * declare the same agents again does nothing. A running server whose options change drains and restarts with them.
   *
   * @param specs - The agents.
   * @param options - Whether the agents that are not named are removed.
   * @returns The ids of the agents, by what was done.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad spec, before any change; the message names
   * agent and option.
   * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another fleet has the `dataDir`.
   * @throws StoppedError (`ERR_OPENCODE_STOPPED`) after `close()`.
   * @throws OpenCodeRuntimeError if a record cannot be written; each agent is then as before or as after.
   */
  async apply(specs: readonly AgentSpec[], options: ApplyOptions = {}): Promise<ApplyResult> {
    const { prune } = parse(applySchema, options, 'option')
    return this.#parts.declarations.apply(specs, prune)
  }

  /**
   * Declares one agent, as `apply` does.
   *
   * @param spec - The agent.
   * @returns What was done.
   * @throws OpenCodeRuntimeError Subclasses and codes: see `apply`.
   */
  async put(spec: AgentSpec): Promise<'added' | 'changed' | 'unchanged'> {
    const { added, changed } = await this.apply([spec])
    if (added.length > 0) return 'added'
    return changed.length > 0 ? 'changed' : 'unchanged'
  }

  /**
   * Removes an agent. Its waiting turns end with `cancelled`. Resolves when its server has ended.
   *
   * @param id - The agent.
   * @param options - Time for running turns to finish, and whether the home is deleted.
   * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) for an unknown id.
   * @throws StoppedError (`ERR_OPENCODE_STOPPED`) after `close()`.
   */
  async remove(id: string, options: RemoveOptions = {}): Promise<void> {
    await this.#parts.declarations.remove(id, parse(removeSchema, options, 'option'))
  }

  /**
   * Returns the handle of an agent.
   *
   * @param id - The agent.
   * @returns The handle, which stays valid when the agent's server ends.
   * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) for an unknown id; before `ready`, only for an id that no
   * agent can have.
   */
  agent(id: string): FleetAgent {
    const { context, value } = this.#actor.getSnapshot()
    const { specs, faults } = fleetRuntimeOf(context.runtime)
    // In the state failed, no agent is known, and each call of the handle rejects with the cause.
    const isKnown = value === 'opening' || value === 'failed' || specs.has(id) || faults.has(id)
    if (!isAgentId(id) || !isKnown) throw unknownAgent(id, specs.keys())
    return new AgentHandle(id, this.#parts)
  }

  /**
   * Runs a turn of an agent, when the fleet permits it. Never throws: an unknown agent is one `rejected` reply.
   *
   * @param id - The agent.
   * @param input - The prompt, or all fields of the turn.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(
    id: string,
    input: string | TurnInput<S>,
  ): Turn<InferOutput<S>> {
    return this.#parts.accessOf(id).turn(input)
  }

  /**
   * Returns a cold observable: each subscription runs a turn, and unsubscribing cancels it.
   *
   * @param id - The agent.
   * @param input - The prompt, or all fields of the turn.
   * @returns The replies of a turn per subscription. Never errors.
   */
  turn$(id: string, input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(id, input))
  }

  /**
   * Answers a request of any agent.
   *
   * @param requestId - Id of the request.
   * @param answer - The answer, as in `turn.answer`.
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if no open request has the id.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request.
   */
  answer(requestId: string, answer: RequestAnswer): Promise<void> {
    return this.#parts.follower.answer(requestId, answer)
  }

  /**
   * Stops all servers and releases all resources. Waiting turns end with `cancelled`; later turns too. A further call
   * waits for the same end; a `drainMs` in it replaces the time of the calls before, so that 0 ends all turns at once.
   *
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, before any change.
   */
  async close(options: StopOptions = {}): Promise<void> {
    const { drainMs } = parse(stopSchema, options, 'option')
    const isActive = this.#actor.getSnapshot().status === 'active'
    if (this.#closing && isActive && options.drainMs !== undefined)
      this.#actor.send({ type: 'fleet.close', drainMs: options.drainMs })
    this.#closing ??= this.#close(drainMs)
    await this.#closing
  }

  async #close(drainMs: number | undefined): Promise<void> {
    const runtime = fleetRuntimeOf(this.#actor.getSnapshot().context.runtime)
    const servers = Object.values(this.#actor.getSnapshot().children).flatMap((child) => {
      const { context } = (child?.getSnapshot() ?? {}) as { context?: { runtime?: unknown } }
      return child?.id.startsWith('server:') === true && context ? [context.runtime] : []
    })
    if (this.#actor.getSnapshot().status === 'active') {
      this.#actor.send({ type: 'fleet.close', ...(drainMs !== undefined && { drainMs }) })
      await waitFor(this.#actor, ({ status }) => status !== 'active').catch(() => undefined)
    }
    for (const handle of servers) await runtimeOf(handle as Parameters<typeof runtimeOf>[0]).preparing
    await runtime.opening
    await runtime.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  static {
    partsOf = (fleet) => fleet.#parts
  }
}

/**
 * Returns the parts of a fleet.
 *
 * @internal
 */
export const fleetParts = (fleet: Fleet): FleetParts => partsOf(fleet)

function startFleet(options: FleetOptions & ActorSystemOptions): FleetActorRef {
  // A value that is not an object is left to `compileFleetOptions`, which refuses it.
  const { clock, inspect, ...rest } = Object(options) as Partial<typeof options>
  const given = typeof options === 'object' ? (rest as FleetOptions) : options
  const input = compileFleetOptions(given)
  return createActor(fleetMachine, { input, ...(clock && { clock }), ...(inspect && { inspect }) }).start()
}

/**
 * Returns the fleet of an embedded actor of `fleetMachine`, the same for each call. The parent of the actor ends the
 * fleet; `close()` too.
 *
 * @param actor - The actor, which its parent has started.
 * @returns The fleet, with all members of a `Fleet` of its own.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for any other value, such as the missing child of a parent
 * that is not in the state of the fleet.
 *
 * @example
 * import { fleetOf, type FleetActorRef } from 'opencode-runtime'
 *
 * export const sayHello = (agents: FleetActorRef) => fleetOf(agents).turn('a1', 'Say hello').text()
 */
export function fleetOf(actor: FleetActorRef): Fleet {
  if (!isFleetActor(actor))
    throw new InvalidOptionsError(
      'fleetOf expects an actor of fleetMachine: start the actor, or its parent in a state that invokes fleetMachine, first',
    )
  const embedded: unknown = new EmbeddedFleet(actor)
  return fleets.get(actor) ?? new Fleet(embedded as FleetOptions)
}

function isFleetActor(actor: unknown): boolean {
  const { getSnapshot } = Object(actor) as {
    getSnapshot?: () => { context?: { runtime?: unknown } } | undefined
  }
  return typeof getSnapshot === 'function' && getSnapshot.call(actor)?.context?.runtime instanceof FleetHandle
}
