import { z } from 'zod'
import type { Observable } from 'rxjs'
import { systemClock, type SystemClock } from '../../actors/clock.ts'
import { cancelledTurn } from '../../actors/turn/refusal.ts'
import type { Turn } from '../../api/turn-handle.ts'
import { traceOf, turnIdOf, type TurnInput } from '../../api/turn-input.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { stopSchema } from '../../config/option-schema.ts'
import { turnId as turnIdSchema } from '../../config/schema-parts.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { lazily, parse } from '../../config/validation.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import { statusChanges, type ClusterStatus } from '../cluster-status.ts'
import type { DrainOptions } from '../join-cluster.ts'
import { clusterName, connectFunction, tenantName, type JoinOptions } from '../options.ts'
import type { AgentKey, CallerStore, ClusterStore } from '../store/cluster-store.ts'
import { openCallerStore, openStore } from '../store/open-store.ts'
import type { SentTurn } from '../turn-facts.ts'
import type { CallerParts, FollowedHandle, JoinTerms, SendTerms } from './caller-parts.ts'
import { wish } from '../wishes.ts'
import { checkInput, withContext, type CheckedInput } from './checked-input.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { connectionClosed } from './ends.ts'
import { messageOfTurn } from './large-turn.ts'
import { post, untilTaken } from './post.ts'
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
  /**
   * Asks a host to leave the cluster, as its own `drain()` does: running turns finish, and its agents move to other hosts.
   * The process of the host goes on; started anew, the host joins again. Resolves when the wish is stored; the host is
   * `draining` soon.
   *
   * @param hostId - Id of the host.
   * @param options - Time for running turns to finish.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, for a host that is not there, or for a
   * caller of one tenant.
   * @throws ClusterStoreError if NATS refuses, or does not answer.
   */
  drainHost(hostId: string, options?: DrainOptions): Promise<void>
  /** Closes the connection. Turns go on; their handles here end with the code `server_unavailable`. */
  close(): Promise<void>
}

/** Time in which a turn that is sent again must reach the inbox, in ms. */
const resendMs = 5_000
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

let partsOf: (cluster: Cluster) => CallerParts | undefined

/** Returns the parts of a connection; `undefined` for a caller of one tenant, and for any other value. @internal */
export const callerPartsOf = (cluster: Cluster): CallerParts | undefined => partsOf(cluster)

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
    const agent = this.#watch.agent(agentId)
    const { follower, output } = this.#send(agent ?? agentId, input)
    return new RemoteTurn(follower, output)
  }

  attach(turnId: string): Turn {
    const follower = this.#begin(new TurnFollower(turnId, null, this.#terms))
    const { error } = turnIdSchema().safeParse(turnId)
    if (error) follower.end({ code: 'rejected', error: `Invalid turn id: ${error.issues[0]?.message ?? ''}` })
    else if (!follower.view.isOver) follower.attach()
    return new RemoteTurn(follower)
  }

  async drainHost(hostId: string, options: DrainOptions = {}): Promise<void> {
    const { drainMs } = parse(stopSchema, options, 'option')
    const host = this.#watch.host(hostId)
    if (!host) {
      const there = this.status.hosts.map(({ id }) => id).join(', ')
      throw new InvalidOptionsError(
        `The cluster has no host ${JSON.stringify(hostId)}: it has ${there || 'none'}`,
      )
    }
    const { wishes } = this.#store
    if (!wishes)
      throw new InvalidOptionsError('A caller of one tenant drains no host: connect without `tenant`')
    await wish(wishes, hostId, { incarnation: host.incarnation, drainMs })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const follower of [...this.#open]) follower.end(connectionClosed)
    await this.#store.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Sends a turn, and follows it. A bad input ends the turn before it is sent.
   *
   * @param agent - the agent, or the id of an unknown one
   */
  #send(agent: AgentKey | string, input: string | TurnInput, terms?: SendTerms): Sent {
    let checked: CheckedInput
    try {
      checked = checkInput(input)
    } catch (error) {
      return this.#rejected(input, messageOf(error))
    }
    if (typeof agent === 'string')
      return this.#rejected(input, unknownAgent(agent, this.#watch.agentIds).message)
    const { policies, output, signal } = checked
    let sent: SentTurn
    try {
      sent = this.#sealed(agent, checked, terms?.fields)
    } catch (error) {
      return this.#rejected(input, messageOf(error))
    }
    const taps = { policies, onFacts: terms?.onFacts }
    const follower = this.#begin(new TurnFollower(sent.turnId, sent.traceId, this.#terms, taps))
    if (signal?.aborted) follower.end(cancelledTurn)
    if (!follower.view.isOver) {
      follower.send(agent, { ...checked, sent })
      const stopListening = onAbort(signal, () => void follower.cancel())
      void follower.view.done.promise.then(stopListening)
    }
    return { follower, output }
  }

  async #resend(agent: AgentKey, input: TurnInput, fields: SendTerms['fields']): Promise<void> {
    const { store, clock, closed: signal } = this.#terms
    const sent = this.#sealed(agent, checkInput(input), fields)
    const limits = { clock, limitMs: resendMs, signal }
    const turn = await untilTaken(() => messageOfTurn(sent, agent, store), limits)
    const message = { type: 'turn', turn } as const
    await post({ inbox: store.inbox, agent, turnId: sent.turnId, message, ...limits })
  }

  /** Returns what travels of a turn. @throws InvalidOptionsError for a context that cannot travel */
  #sealed(agent: AgentKey, checked: CheckedInput, fields: SendTerms['fields']): SentTurn {
    const place = { ...agent, cluster: this.#store.name }
    return { ...withContext(checked, this.#watch.contextKey, place), ...fields }
  }

  /** Follows a turn of an agent that some caller has sent. */
  #join(agent: AgentKey, turnId: string, { onFacts, deadlineMs }: JoinTerms): FollowedHandle {
    const follower = this.#begin(new TurnFollower(turnId, null, this.#terms, { onFacts }))
    const isOver = follower.view.isOver
    return handleOf(follower, isOver ? Promise.resolve() : follower.join(agent, deadlineMs))
  }

  /** Returns a turn that ends before it is sent. */
  #rejected(input: unknown, error: string): Sent {
    const id = turnIdOf(input) ?? crypto.randomUUID()
    const follower = new TurnFollower(id, traceOf(input), this.#terms)
    follower.end({ code: 'rejected', error })
    return { follower, output: undefined }
  }

  /** Keeps a turn among the open ones until its end; a turn after the end of the connection ends at once. */
  #begin(follower: TurnFollower): TurnFollower {
    this.#open.add(follower)
    void follower.view.done.promise.then(() => this.#open.delete(follower))
    if (this.#closing.signal.aborted) follower.end(connectionClosed)
    return follower
  }

  /** Parts for a gateway; `undefined` for a caller of one tenant. */
  get #parts(): CallerParts | undefined {
    const store = this.#store
    if (!isWhole(store)) return undefined
    return {
      store,
      watch: this.#watch,
      send: (agent, input, terms) => {
        const { follower } = this.#send(agent, input, terms)
        return handleOf(follower, follower.arrived)
      },
      join: (agent, turnId, terms) => this.#join(agent, turnId, terms),
      resend: (agent, input, fields) => this.#resend(agent, input, fields),
    }
  }

  static {
    partsOf = (cluster) => (#terms in cluster ? cluster.#parts : undefined)
  }
}

/** Returns whether a store is that of a caller of all tenants. */
const isWhole = (store: CallerStore): store is ClusterStore => 'requests' in store

/** Turn that was sent, or that ended before. */
interface Sent {
  readonly follower: TurnFollower
  readonly output: CheckedInput['output']
}

const handleOf = (follower: TurnFollower, known: Promise<void>): FollowedHandle => ({
  turn: new RemoteTurn(follower),
  settled: Promise.race([known, follower.view.done.promise.then(() => undefined)]),
  detach: () => follower.end(connectionClosed),
})
