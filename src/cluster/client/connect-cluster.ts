import { z } from 'zod'
import type { Observable } from 'rxjs'
import { systemClock, type SystemClock } from '../../actors/clock.ts'
import { cancelledTurn } from '../../actors/turn/refusal.ts'
import type { Turn } from '../../api/turn-handle.ts'
import { traceOf, turnIdOf, type TurnInput } from '../../api/turn-input.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { turnId as turnIdSchema } from '../../config/schema-parts.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { lazily, parse } from '../../config/validation.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import { statusChanges, type ClusterStatus } from '../cluster-status.ts'
import { clusterName, connectFunction, tenantName, type JoinOptions } from '../options.ts'
import type { CallerStore } from '../store/cluster-store.ts'
import { openCallerStore, openStore } from '../store/open-store.ts'
import type { SentTurn } from '../turn-facts.ts'
import { checkInput, withContext, type CheckedInput } from './checked-input.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { connectionClosed } from './ends.ts'
import { RemoteTurn } from './remote-turn.ts'
import { TurnFollower, type CallerTerms } from './turn-follower.ts'

/** Options of {@link connectCluster}. */
export interface ConnectOptions extends Pick<JoinOptions, 'connect' | 'name'> {
  /**
   * Tenant whose agents this caller may use: for credentials of NATS that are limited to the subjects of one tenant. The
   * caller reads no stream; hosts answer what it has missed, so that a host must be up. Its status has the tenant's places
   * only, and is up to a second old.
   *
   * @defaultValue all tenants
   */
  tenant?: string
}

/** Connection to a cluster, for callers. */
export interface Cluster extends AsyncDisposable {
  /** Status of the cluster now, as this caller sees it. */
  readonly status: ClusterStatus
  /**
   * Status of the cluster: the present one at once, then changes, at most 10 a second. Completes with the connection;
   * never errors.
   */
  readonly status$: Observable<ClusterStatus>
  /**
   * Runs a turn of an agent, on the host that owns the agent. Never throws: a bad input or an unknown agent gives one
   * `error` reply. A turn with the id of an earlier one is that turn, from its first reply.
   *
   * @param agentId - Id of the agent.
   * @param input - The prompt, or the fields of a turn. A `context` needs the option `contextKey` of the hosts.
   * @returns The handle of the turn. Its `changes()` rejects, because the files are on another host.
   */
  turn<S extends ObjectSchema | undefined = undefined>(
    agentId: string,
    input: string | TurnInput<S>,
  ): Turn<InferOutput<S>>
  /**
   * Follows a turn that any process has sent in the last 24 hours, from its first reply. Leaving a `for await` loop over
   * the turn early cancels the turn, as for every turn: read `replies$` to only look on.
   *
   * @param turnId - Id of the turn.
   * @returns The handle of the turn. Ends with the code `rejected` if no host begins a turn with the id within 30 s.
   */
  attach(turnId: string): Turn
  /** Closes the connection. Turns go on; their handles here end with the code `server_unavailable`. */
  close(): Promise<void>
}

/** Time beyond a turn's limit in which a host may end the turn, in ms. */
const usualGraceMs = 30_000

const connectSchema = lazily(() =>
  z.strictObject(
    { connect: connectFunction(), name: clusterName(), tenant: tenantName().optional() },
    'expected an object',
  ),
)

/**
 * Connects to a cluster as a caller: no fleet is needed. At least one host must have joined the cluster before.
 *
 * @param options - The connection to NATS, and the name of the cluster.
 * @returns The connection.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, or if a package of NATS is not installed.
 * @throws ClusterStoreError if NATS refuses, or does not answer, or if no host has joined the cluster yet.
 *
 * @example
 * import { connect } from '@nats-io/transport-node'
 * import { connectCluster } from 'opencode-runtime/cluster'
 *
 * export async function ask(agentId: string, text: string): Promise<string> {
 *   const servers = ['nats://10.0.0.1:4222']
 *   const cluster = await connectCluster({ name: 'prod', connect: () => connect({ servers }) })
 *   const turn = cluster.turn(agentId, text)
 *   return turn.text().finally(() => cluster.close())
 * }
 */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const { connect, name, tenant } = parse(connectSchema, options, 'option')
  const store = await (tenant === undefined
    ? openStore({ name, connect, mayProvision: false })
    : openCallerStore({ name, connect, tenant }))
  try {
    return await callerOf(store)
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Returns the connection of a caller on a store. @internal */
export async function callerOf(
  store: CallerStore,
  { clock = systemClock, graceMs = usualGraceMs }: { clock?: SystemClock; graceMs?: number } = {},
): Promise<Cluster> {
  const caller = new Caller(store, clock, graceMs)
  await caller.start()
  return caller
}

class Caller implements Cluster {
  readonly #store: CallerStore
  readonly #terms: CallerTerms
  readonly #watch: ClusterWatch
  readonly #closing = new AbortController()
  /** Turns that have no end yet. */
  readonly #open = new Set<TurnFollower>()

  constructor(store: CallerStore, clock: SystemClock, graceMs: number) {
    this.#store = store
    this.#terms = { store, clock, graceMs, closed: this.#closing.signal }
    this.#watch = new ClusterWatch(clock, this.#closing.signal)
  }

  async start(): Promise<void> {
    this.#store.onConnection((state) => {
      this.#watch.noteConnection(state)
      if (state === 'up') for (const follower of this.#open) follower.look()
    }, this.#closing.signal)
    await this.#watch.start(this.#store)
  }

  get status(): ClusterStatus {
    return this.#watch.status
  }

  get status$(): Observable<ClusterStatus> {
    return statusChanges(this.#watch.changed$, () => this.status)
  }

  turn<S extends ObjectSchema | undefined = undefined>(
    agentId: string,
    input: string | TurnInput<S>,
  ): Turn<InferOutput<S>> {
    let checked: CheckedInput
    try {
      checked = checkInput(input)
    } catch (error) {
      return this.#rejected(input, messageOf(error))
    }
    const agent = this.#watch.agent(agentId)
    if (!agent) return this.#rejected(input, unknownAgent(agentId, this.#watch.agentIds).message)
    let sent: SentTurn
    try {
      sent = withContext(checked, this.#watch.contextKey, { ...agent, cluster: this.#store.name })
    } catch (error) {
      return this.#rejected(input, messageOf(error))
    }
    const { policies, output, signal } = checked
    const follower = this.#begin(new TurnFollower(sent.turnId, sent.traceId, this.#terms, policies))
    if (signal?.aborted) follower.end(cancelledTurn)
    if (!follower.view.isOver) {
      follower.send(agent, { ...checked, sent })
      const stopListening = onAbort(signal, () => void follower.cancel())
      void follower.view.done.promise.then(stopListening)
    }
    return new RemoteTurn(follower, output)
  }

  attach(turnId: string): Turn {
    const follower = this.#begin(new TurnFollower(turnId, null, this.#terms))
    const { error } = turnIdSchema().safeParse(turnId)
    if (error) follower.end({ code: 'rejected', error: `Invalid turn id: ${error.issues[0]?.message ?? ''}` })
    else if (!follower.view.isOver) follower.attach()
    return new RemoteTurn(follower)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const follower of [...this.#open]) follower.end(connectionClosed)
    await this.#store.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Returns a turn that ends before it is sent. */
  #rejected<T>(input: unknown, error: string): Turn<T> {
    const id = turnIdOf(input) ?? crypto.randomUUID()
    const follower = new TurnFollower(id, traceOf(input), this.#terms)
    follower.end({ code: 'rejected', error })
    return new RemoteTurn<T>(follower)
  }

  /** Keeps a turn among the open ones until its end; a turn after the end of the connection ends at once. */
  #begin(follower: TurnFollower): TurnFollower {
    this.#open.add(follower)
    void follower.view.done.promise.then(() => this.#open.delete(follower))
    if (this.#closing.signal.aborted) follower.end(connectionClosed)
    return follower
  }
}
