import { Observable, type Subscriber } from 'rxjs'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { fleetRuntimeOf } from '../../actors/fleet/fleet-runtime.ts'
import { isPlain } from '../../config/frozen-copy.ts'
import { stopSchema } from '../../config/option-schema.ts'
import { parse } from '../../config/validation.ts'
import { InvalidOptionsError } from '../../errors.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import type { SessionInfo } from '../../io/opencode/session-wire.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import { followLifecycle, type Lifecycle } from '../../machines/lifecycle.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'
import type { Reply } from '../../replies.ts'
import { coldTurn } from '../cold-turn.ts'
import { ensureRunning, type EnsureRunningOptions } from '../ensure-running.ts'
import { listSessions, type ListSessionsOptions } from '../list-sessions.ts'
import { ServerSession, type Session, type SessionOptions } from '../session.ts'
import { stopServer, type StopOptions } from '../stop-server.ts'
import type { ServerAccess, Turn } from '../turn-handle.ts'
import type { TurnInput } from '../turn-input.ts'
import type { AgentFollower } from './agent-follower.ts'
import type { AgentServers } from './agent-servers.ts'
import type { Declarations } from './declare.ts'
import { recordUnusable, type StatusBoard } from './status-board.ts'
import type { AgentStatus } from './types.ts'

/** Fields of an agent's spec to change. */
export type AgentPatch = Partial<Omit<AgentSpec, 'id'>>

/** Agent of a fleet. Its server starts on first need, and a stopped or evicted server starts again with the next turn. */
export interface FleetAgent {
  /** Id of the agent. */
  readonly id: string
  /** Lifecycle of the agent's server: the present value at once, then every change. Completes with the fleet. */
  readonly lifecycle$: Observable<Lifecycle>
  /** Lifecycle of the agent's server now; `idle` without a server. */
  readonly lifecycle: Lifecycle
  /** Status of the agent in its fleet. */
  readonly status: AgentStatus
  /**
   * Runs a turn, when the fleet permits it. Never throws: a failure becomes the turn's single `error` reply.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>>
  /**
   * Returns a cold observable: each subscription runs a turn, and unsubscribing cancels it.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The replies of a turn per subscription. Never errors.
   */
  turn$(input: string | TurnInput): Observable<Reply>
  /**
   * Opens a conversation, new or continued.
   *
   * @param options - The session to continue, or properties of a new session.
   * @returns The conversation, which outlives the agent's server. No request is sent before first use.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
   */
  session(options?: SessionOptions): Session
  /**
   * Lists the sessions of the agent. Starts the agent's server if necessary.
   *
   * @param options - Number of sessions, text of the titles, and beginning of the list.
   * @returns The sessions, the latest changed first.
   * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) if the agent was removed.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  sessions(options?: ListSessionsOptions): Promise<SessionInfo[]>
  /**
   * Starts the agent's server if necessary, when a place is free. Resolves when the server is healthy. Keeps no
   * place afterwards: the idle server may be evicted at once.
   *
   * @param options - Deadline and abort signal of the wait.
   * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) if the agent was removed.
   * @throws StartTimeoutError (`ERR_OPENCODE_START_TIMEOUT`) at the deadline, also while the agent waits for a place.
   * @throws OpenCodeRuntimeError Further subclasses and codes: see {@link ensureRunning}.
   */
  ensureRunning(options?: EnsureRunningOptions): Promise<void>
  /**
   * Changes fields of the agent's spec: the same as `put` with the changed spec, which keeps the other fields. A later
   * `put` replaces the whole spec. Resolves when a running server has drained, and is healthy with the changed options if
   * turns wait for it. A server without turns ends; to try the options, call `ensureRunning()` afterwards.
   *
   * @param patch - The fields to change, `proxy` by field. Functions cannot be kept: return them from the fleet's
   * `resolve`.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad patch, before any change.
   * @throws ReconfigureError (`ERR_OPENCODE_RECONFIGURE`) if the server does not become healthy with them.
   * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) if the agent was removed.
   */
  reconfigure(patch: AgentPatch): Promise<void>
  /**
   * Stops the agent's server and every process that it started. Running and waiting turns end with `cancelled`. Does
   * nothing if no server runs.
   *
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, before any change.
   */
  stop(options?: StopOptions): Promise<void>
}

/**
 * Parts of a fleet that an agent's handle uses.
 *
 * @internal
 */
export interface FleetParts {
  fleet: FleetActorRef
  servers: AgentServers
  follower: AgentFollower
  declarations: Declarations
  board: StatusBoard
  accessOf: (id: string) => ServerAccess
}

/**
 * Handle of an agent.
 *
 * @internal
 */
export class AgentHandle implements FleetAgent {
  readonly id: string
  readonly #parts: FleetParts
  readonly #access: ServerAccess

  constructor(id: string, parts: FleetParts) {
    this.id = id
    this.#parts = parts
    this.#access = parts.accessOf(id)
  }

  get lifecycle$(): Observable<Lifecycle> {
    return new Observable((subscriber) => followAgent(this.id, this.#parts, subscriber))
  }

  get lifecycle(): Lifecycle {
    return lifecycleNow(this.id, this.#parts)
  }

  get status(): AgentStatus {
    const status = this.#parts.board.statusOf(this.id)
    if (!status) throw unknownAgent(this.id, [])
    return status
  }

  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>> {
    return this.#access.turn(input)
  }

  turn$(input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(input))
  }

  session(options: SessionOptions = {}): Session {
    return new ServerSession(this.#access, options)
  }

  sessions(options?: ListSessionsOptions): Promise<SessionInfo[]> {
    return this.#access.use((actor) => listSessions(actor, options))
  }

  ensureRunning(options?: EnsureRunningOptions): Promise<void> {
    return this.#access.use((actor) => ensureRunning(actor, options))
  }

  async reconfigure(patch: AgentPatch): Promise<void> {
    await this.#parts.declarations.change(this.id, (before) => patched(before, patch))
  }

  async stop(options?: StopOptions): Promise<void> {
    const actor = this.#parts.servers.running(this.id)
    if (actor) await stopServer(actor, options)
    else parse(stopSchema, options ?? {}, 'option')
  }
}

/** Returns a spec with some fields changed; `undefined` changes nothing. */
function patched(spec: AgentSpec, patch: AgentPatch): AgentSpec {
  if (!isPlain(patch))
    throw new InvalidOptionsError(`agent ${JSON.stringify(spec.id)}: invalid patch: expected an object`)
  const { proxy, ...fields } = given(patch)
  if (Object.hasOwn(patch, 'id'))
    throw new InvalidOptionsError('Option id cannot be changed: declare another agent with put()')
  const endpoint = isPlain(proxy) ? { ...spec.proxy, ...given(proxy) } : proxy
  return { ...spec, ...fields, ...(endpoint !== undefined && { proxy: endpoint }) } as AgentSpec
}

const given = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const idle = (restarts: number): Lifecycle => ({ state: 'idle', at: Date.now(), restarts })

function lifecycleNow(id: string, { fleet, follower }: FleetParts): Lifecycle {
  const error = fleetRuntimeOf(fleet.getSnapshot().context.runtime).faults.get(id)
  if (error) return { state: 'failed', at: Date.now(), restarts: 0, reason: recordUnusable, error }
  const { lifecycle, restartsBefore = 0 } = follower.agent(id) ?? {}
  return lifecycle ? { ...lifecycle, restarts: restartsBefore + lifecycle.restarts } : idle(restartsBefore)
}

/** Reports the lifecycle of an agent over all actors of its server. */
function followAgent(id: string, parts: FleetParts, subscriber: Subscriber<Lifecycle>): () => void {
  const { fleet, servers, follower } = parts
  let followed: ServerActorRef | undefined
  let stop = (): void => undefined
  const look = (): void => {
    const actor = servers.running(id)
    if (!actor || actor === followed) return
    stop()
    followed = actor
    let isFirst = true
    const { restartsBefore = 0 } = follower.agent(id) ?? {}
    stop = followLifecycle(actor, {
      next: (lifecycle) => {
        // The actor of a server begins idle, which the agent was before.
        const isNews = !isFirst || lifecycle.state !== 'idle'
        isFirst = false
        if (isNews) subscriber.next({ ...lifecycle, restarts: restartsBefore + lifecycle.restarts })
      },
    })
  }
  subscriber.next(lifecycleNow(id, parts))
  const subscription = fleet.subscribe({ next: look, complete: () => subscriber.complete() })
  look()
  return () => {
    subscription.unsubscribe()
    stop()
  }
}
