import type { Observable } from 'rxjs'
import { systemClock, type SystemClock } from '../../actors/clock.ts'
import { cancelledTurn } from '../../actors/turn/refusal.ts'
import type { Turn } from '../../api/turn-handle.ts'
import { traceOf, turnIdOf, type TurnInput } from '../../api/turn-input.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { stopSchema } from '../../config/option-schema.ts'
import { turnId as turnIdSchema } from '../../config/schema-parts.ts'
import { unknownAgent } from '../../config/unknown-agent.ts'
import { parse } from '../../config/validation.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { messageOf } from '../../util/messages.ts'
import { statusChanges, type ClusterStatus } from '../cluster-status.ts'
import type { DrainOptions } from '../cluster-host.ts'
import type { AgentKey, CallerStore, ClusterStore } from '../store/cluster-store.ts'
import type { SentTurn } from '../turn-facts.ts'
import type { CallerParts, FollowedHandle, JoinTerms, SendTerms } from './caller-parts.ts'
import { wish } from '../wishes.ts'
import { checkInput, withContext, type CheckedInput } from './checked-input.ts'
import type { Cluster } from './cluster.ts'
import { ClusterWatch } from './cluster-watch.ts'
import { connectionClosed } from './ends.ts'
import { messageOfTurn } from './large-turn.ts'
import { post, untilTaken } from './post.ts'
import { RemoteTurn } from './remote-turn.ts'
import { TurnFollower, type CallerTerms } from './turn-follower.ts'

/** Time in which a turn that is sent again must reach the inbox, in ms. */
const resendMs = 5_000
/** Time beyond a turn's limit in which a host may end the turn, in ms. */
const usualGraceMs = 30_000

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
      // The ids of a gateway, which has terms, are its own.
      follower.send(agent, { ...checked, sent }, terms === undefined && isWhole(this.#store))
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
